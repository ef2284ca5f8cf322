/** An image file whose tables are followed. Every read is within the file, and their total is at most its size. */
import { type FileHandle, open } from 'node:fs/promises';

/** The file ends before data that it refers to. */
export class CutOff extends Error {
  /** @param needed minimum size in bytes */
  constructor(needed: number, size: number) {
    super(`it refers to its byte ${needed}, but has ${size} bytes`);
  }
}

/** Tables with so many references to each other that no program can have written them. */
export class OddTables extends Error {}

const slack = 1024 * 1024;

export class TableFile {
  readonly size: number;
  readonly #file: FileHandle;
  #read = 0;

  private constructor(file: FileHandle, size: number) {
    this.#file = file;
    this.size = size;
  }

  static async with<T>(path: string, use: (file: TableFile) => Promise<T>): Promise<T> {
    const file = await open(path);
    try {
      return await use(new TableFile(file, (await file.stat()).size));
    } finally {
      await file.close();
    }
  }

  /** @throws CutOff, OddTables */
  async read(at: number, length: number): Promise<Buffer> {
    this.expect(at + length);
    this.#read += length;
    if (this.#read > this.size + slack) throw new OddTables('its tables are larger than itself');
    const { buffer, bytesRead } = await this.#file.read(Buffer.alloc(length), { position: at });
    if (bytesRead !== length) throw new Error(`the image ended at ${at + bytesRead} while it was read`);
    return buffer;
  }

  /** Reads a long table in chunks of whole entries. */
  async *pieces(at: number, length: number): AsyncGenerator<Buffer> {
    this.expect(at + length);
    for (let from = at; from < at + length; from += pieceBytes)
      yield await this.read(from, Math.min(pieceBytes, at + length - from));
  }

  /** @throws CutOff if the file is shorter */
  expect(bytes: number): void {
    if (bytes > this.size) throw new CutOff(bytes, this.size);
  }
}

/** A multiple of every entry's size. */
const pieceBytes = 256 * 1024;
