/** Bounded reads of an untrusted disk: each read is checked against the disk size, and all reads against a budget. */
import type { FileHandle } from 'node:fs/promises';

export type DiskSource = {
  /** Bytes. */
  readonly size: number;
  /** Exactly these bytes; within the size. */
  read(at: number, length: number): Promise<Buffer>;
};

/** The disk contents point outside of the disk, are inconsistent, or do not end. */
export class DiskContentsError extends Error {}

/** Enough for an EFI system partition with hundreds of files, whose clusters are looked up one by one. */
const budget = { reads: 20_000, bytes: 32 * 1024 * 1024 };

export class DiskBytes {
  readonly size: number;
  readonly #source: DiskSource;
  #reads = 0;
  #bytes = 0;

  constructor(source: DiskSource) {
    this.#source = source;
    this.size = source.size;
  }

  /** @throws DiskContentsError if the disk ends before them */
  async read(at: number, length: number): Promise<Buffer> {
    if (at + length > this.size) throw new DiskContentsError(`the disk ends at ${this.size}, before byte ${at + length}`);
    this.#reads += 1;
    this.#bytes += length;
    if (this.#reads > budget.reads || this.#bytes > budget.bytes)
      throw new DiskContentsError('there is too much of it to look through');
    return this.#source.read(at, length);
  }

  /** As many of these bytes as exist. */
  async upTo(at: number, length: number): Promise<Buffer> {
    return at < this.size ? this.read(at, Math.min(length, this.size - at)) : Buffer.alloc(0);
  }
}

/** Reads a raw file, which must not change meanwhile. */
export async function diskFile(file: FileHandle): Promise<DiskBytes> {
  const { size } = await file.stat();
  return new DiskBytes({
    size,
    async read(position, length) {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(length), { position });
      if (bytesRead !== length) throw new Error(`the image ended at ${position + bytesRead} while it was read`);
      return buffer;
    },
  });
}
