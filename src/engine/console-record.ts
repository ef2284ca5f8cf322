/** What a serial console has printed: two files of bounded size, the newer one growing. */
import { appendFile, mkdir, readFile, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** When the newer file is as long, it becomes the older one (bytes). */
const fileMax = 1024 * 1024;

export class ConsoleRecord {
  readonly #directory: string;
  readonly #newer: string;
  readonly #older: string;
  #size: number | undefined;
  #pending: Buffer[] = [];
  #writing: Promise<void> | undefined;

  constructor(directory: string, nodeUuid: string) {
    this.#directory = directory;
    this.#newer = join(directory, `${nodeUuid}.log`);
    this.#older = `${this.#newer}.1`;
  }

  /** Written in the order of the calls; what cannot be written (the disk is full) is lost, not waited for. */
  append(data: Buffer): void {
    this.#pending.push(data);
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

  async #write(): Promise<void> {
    while (this.#pending.length > 0) {
      const data = Buffer.concat(this.#pending);
      this.#pending = [];
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
