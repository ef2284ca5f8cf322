/**
 * Extents format, version 1: a disk image as a stream of its data without the holes. On the wire and on disk it is
 * zstd-compressed (one frame or several, one after the other); decompressed it is
 *
 *     magic "INGOTEXT" (8 bytes) · u32 version = 1 · u32 zero · u64 virtual size in bytes
 *     then records: u64 offset · u32 length · length bytes of data
 *     ended by a record with offset = virtual size and length 0, after which nothing follows
 *
 * All numbers are little-endian. Records rise and do not overlap; a length is at most 4 MiB. Whatever no record
 * covers reads as zeros.
 */
export const extentsMagic = 'INGOTEXT';
export const extentsVersion = 1;
export const extentsHeaderBytes = 24;
export const extentsRecordHeaderBytes = 12;
export const extentsMaxRecordBytes = 4 * 1024 * 1024;

export function encodeExtentsHeader(virtualSize: number): Buffer {
  const header = Buffer.alloc(extentsHeaderBytes);
  header.write(extentsMagic, 0, 'latin1');
  header.writeUInt32LE(extentsVersion, 8);
  header.writeBigUInt64LE(BigInt(virtualSize), 16);
  return header;
}

export function encodeRecordHeader(offset: number, length: number): Buffer {
  if (length > extentsMaxRecordBytes) throw new RangeError(`a record of ${length} bytes is longer than ${extentsMaxRecordBytes}`);
  const header = Buffer.alloc(extentsRecordHeaderBytes);
  header.writeBigUInt64LE(BigInt(offset), 0);
  header.writeUInt32LE(length, 8);
  return header;
}

export function encodeExtentsEnd(virtualSize: number): Buffer {
  return encodeRecordHeader(virtualSize, 0);
}

/** The stream is not in extents format, or is truncated. */
export class ExtentsError extends Error {
  override name = 'ExtentsError';
}

/** A run of data and its offset on the disk; `data` is a view into the chunk that was read. */
export type ExtentsPiece = { offset: number; data: Buffer };

type State = 'header' | 'record' | 'data' | 'end';

/**
 * Parses the decompressed stream, in chunks of any size, into runs of data, without copying. Buffers at most one
 * header's bytes between chunks. Throws ExtentsError.
 */
export class ExtentsReader {
  #state: State = 'header';
  #pending: Buffer = Buffer.alloc(0);
  #offset = 0;
  #left = 0;
  #virtualSize: number | undefined;
  #dataBytes = 0;

  /** Known once the header has been read. */
  get virtualSize(): number | undefined {
    return this.#virtualSize;
  }

  get dataBytes(): number {
    return this.#dataBytes;
  }

  *read(chunk: Buffer): Generator<ExtentsPiece> {
    let rest = chunk;
    while (rest.length > 0) {
      if (this.#state === 'end') throw new ExtentsError('data follows the end record');
      if (this.#state !== 'data') {
        rest = this.#readHeader(rest);
        continue;
      }
      const data = rest.subarray(0, this.#left);
      yield { offset: this.#offset, data };
      this.#offset += data.length;
      this.#left -= data.length;
      this.#dataBytes += data.length;
      rest = rest.subarray(data.length);
      if (this.#left === 0) this.#state = 'record';
    }
  }

  /** Call it at the end of the stream. */
  finish(): void {
    if (this.#state !== 'end') throw new ExtentsError(`the stream ends early, after ${this.#dataBytes} bytes of data`);
  }

  /** @returns the rest of the chunk after the header, or undefined while the header is incomplete */
  #readHeader(chunk: Buffer): Buffer {
    const wanted = this.#state === 'header' ? extentsHeaderBytes : extentsRecordHeaderBytes;
    const taken = wanted - this.#pending.length;
    const header =
      this.#pending.length > 0 ? Buffer.concat([this.#pending, chunk.subarray(0, taken)]) : chunk.subarray(0, wanted);
    if (header.length < wanted) {
      this.#pending = Buffer.from(header);
      return chunk.subarray(chunk.length);
    }
    this.#pending = Buffer.alloc(0);
    if (this.#state === 'header') this.#startImage(header);
    else this.#startRecord(header);
    return chunk.subarray(taken);
  }

  #startImage(header: Buffer): void {
    if (header.toString('latin1', 0, 8) !== extentsMagic) throw new ExtentsError('not an image in extents format');
    const version = header.readUInt32LE(8);
    if (version !== extentsVersion) throw new ExtentsError(`extents format version ${version} is not known`);
    this.#virtualSize = Number(header.readBigUInt64LE(16));
    this.#state = 'record';
  }

  #startRecord(header: Buffer): void {
    const offset = Number(header.readBigUInt64LE(0));
    const length = header.readUInt32LE(8);
    const size = this.#virtualSize ?? 0;
    if (offset < this.#offset || offset + length > size) {
      throw new ExtentsError(
        `a record of ${length} bytes at ${offset} overlaps its predecessor or the end of the disk at ${size}`,
      );
    }
    if (length > extentsMaxRecordBytes) throw new ExtentsError(`a record of ${length} bytes is too long`);
    if (length === 0 && offset !== size) throw new ExtentsError(`an empty record at ${offset}`);
    this.#state = length === 0 ? 'end' : 'data';
    this.#offset = offset;
    this.#left = length;
  }
}
