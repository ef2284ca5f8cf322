import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

const bufferBytes = 4 * 1024 ** 2;
/** Direct writes want memory, offset and length in multiples of the disk's blocks; 4 KiB fits every disk. */
const blockBytes = 4096;
const wasmPageBytes = 64 * 1024;

/**
 * Writes a disk from its start to its end past the page cache, which halves the work of an image write and leaves the
 * machine its memory. Data is collected in two buffers, one filling while the other is on its way to the disk.
 */
export class DiskWriter {
  #plain: FileHandle;
  #direct: FileHandle | undefined;
  #buffers = [alignedBuffer(), alignedBuffer()];
  #filled = 0;
  #start = 0;
  #writing: Promise<void> = Promise.resolve();

  private constructor(plain: FileHandle, direct: FileHandle | undefined) {
    this.#plain = plain;
    this.#direct = direct;
  }

  static async open(device: string): Promise<DiskWriter> {
    const plain = await open(device, 'r+');
    // Some file systems, of which only a disk that is a file can have one, know no direct writes.
    const direct = await open(device, constants.O_WRONLY | constants.O_DIRECT).catch(() => undefined);
    return new DiskWriter(plain, direct);
  }

  /** Copies the data; an error of the disk may show at a later call. */
  async write(data: Buffer, offset: number): Promise<void> {
    if (offset !== this.#start + this.#filled) await this.#turn(offset);
    for (let done = 0; done < data.length; ) {
      const buffer = this.#buffers[0] as Buffer;
      const copied = data.copy(buffer, this.#filled, done);
      done += copied;
      this.#filled += copied;
      if (this.#filled === buffer.length) await this.#turn(this.#start + this.#filled);
    }
  }

  async writeZeros(range: { offset: number; length: number }): Promise<void> {
    const end = range.offset + range.length;
    for (let at = range.offset; at < end; ) {
      const part = zeros.subarray(0, Math.min(zeros.length, end - at));
      await this.write(part, at);
      at += part.length;
    }
  }

  /** Everything written is on the disk, its own cache included. */
  async sync(): Promise<void> {
    await this.#turn(this.#start + this.#filled);
    await this.#writing;
    await this.#plain.sync();
  }

  /** What was not synced may be lost. */
  async close(): Promise<void> {
    await this.#writing.catch(() => {});
    await this.#direct?.close();
    await this.#plain.close();
  }

  /** Sends the full buffer off and goes on with the other one at `start`. */
  async #turn(start: number): Promise<void> {
    await this.#writing;
    const full = (this.#buffers[0] as Buffer).subarray(0, this.#filled);
    this.#writing = this.#put(full, this.#start);
    // An error is seen by whoever awaits next; it must not count as unhandled until then.
    this.#writing.catch(() => {});
    this.#buffers.reverse();
    this.#start = start;
    this.#filled = 0;
  }

  /** Whole blocks go directly; ragged ends, which images hardly have, take the usual way. */
  async #put(data: Buffer, offset: number): Promise<void> {
    const isAligned = offset % blockBytes === 0;
    const whole = this.#direct && isAligned ? data.length - (data.length % blockBytes) : 0;
    if (whole > 0) await writeAll(this.#direct as FileHandle, data.subarray(0, whole), offset);
    if (whole < data.length) await writeAll(this.#plain, data.subarray(whole), offset + whole);
  }
}

const zeros = Buffer.alloc(1024 ** 2);

/** Its types come with the browser's, which nothing here is. */
declare const WebAssembly: { Memory: new (size: { initial: number }) => { buffer: ArrayBuffer } };

/** Node's own buffers may begin anywhere; the memory of WebAssembly begins at a page. */
function alignedBuffer(): Buffer {
  return Buffer.from(new WebAssembly.Memory({ initial: bufferBytes / wasmPageBytes }).buffer);
}

async function writeAll(file: FileHandle, data: Buffer, offset: number): Promise<void> {
  for (let done = 0; done < data.length; ) {
    const { bytesWritten } = await file.write(data, done, data.length - done, offset + done);
    done += bytesWritten;
  }
}
