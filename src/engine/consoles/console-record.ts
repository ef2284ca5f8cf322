/** The record of a serial console: two files of bounded size, of which the newer one grows. */
import { appendFile, mkdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** At this size the newer file becomes the older one (bytes). */
const fileMax = 1024 * 1024;
/** If the disk is slower than the console, output beyond this backlog is lost (bytes). */
const pendingMax = 1024 * 1024;

export class ConsoleRecord {
  readonly #directory: string;
  readonly #newer: string;
  readonly #older: string;
  #size: number | undefined;
  #pending: Buffer[] = [];
  #pendingSize = 0;
  #writing: Promise<void> | undefined;

  constructor(directory: string, nodeUuid: string) {
    this.#directory = directory;
    this.#newer = join(directory, `${nodeUuid}.log`);
    this.#older = `${this.#newer}.1`;
  }

  /** Written in call order. Output that cannot be written (for example because the disk is full) is dropped. */
  append(data: Buffer): void {
    if (this.#pendingSize > pendingMax) return;
    this.#pending.push(data);
    this.#pendingSize += data.length;
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
    });
  }

  /** Null if nothing was recorded. */
  async read(): Promise<Buffer | null> {
    await this.#writing;
    const parts = await Promise.all([this.#older, this.#newer].map((path) => readFile(path).catch(() => undefined)));
    const found = parts.filter((part) => part !== undefined);
    return found.length === 0 ? null : Buffer.concat(found);
  }

  /** Deletes the record; later output is recorded again. */
  async erase(): Promise<void> {
    this.#drop();
    await this.#writing;
    for (const path of [this.#newer, this.#older]) await rm(path, { force: true });
    this.#size = undefined;
  }

  #drop(): void {
    this.#pending = [];
    this.#pendingSize = 0;
  }

  async #write(): Promise<void> {
    while (this.#pending.length > 0) {
      const data = Buffer.concat(this.#pending);
      this.#drop();
      await this.#put(data).catch(() => {});
    }
  }

  async #put(data: Buffer): Promise<void> {
    if (this.#size === undefined) {
      await mkdir(this.#directory, { recursive: true, mode: 0o700 });
      this.#size = await stat(this.#newer).then(
        ({ size }) => size,
        () => 0,
      );
    }
    if (this.#size >= fileMax) {
      await rename(this.#newer, this.#older);
      this.#size = 0;
    }
    await appendFile(this.#newer, data, { mode: 0o600 });
    this.#size += data.length;
  }
}
