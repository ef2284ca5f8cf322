/** What a serial console has printed: two files of bounded size, the newer one growing. */
import { appendFile, mkdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** When the newer file is as long, it becomes the older one (bytes). */
const fileMax = 1024 * 1024;
/** A disk that is slower than the machine prints: what waits beyond that is lost (bytes). */
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

  /** Written in the order of the calls; what cannot be written (the disk is full) is lost, not waited for. */
  append(data: Buffer): void {
    if (this.#pendingSize > pendingMax) return;
    this.#pending.push(data);
    this.#pendingSize += data.length;
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
    });
  }

  /** Null where nothing was ever recorded. */
  async read(): Promise<Buffer | null> {
    await this.#writing;
    const parts = await Promise.all([this.#older, this.#newer].map((path) => readFile(path).catch(() => undefined)));
    const found = parts.filter((part) => part !== undefined);
    return found.length === 0 ? null : Buffer.concat(found);
  }

  /** What was printed until now is gone; what comes is recorded again. */
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
