import { Malformed } from './malformed.ts';

/** Reads fields from the front of a packet. Every read past the end throws `Malformed`: no field is ever too short. */
export class ByteReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  u8(): number {
    return this.#bytes.readUInt8(this.#advance(1));
  }

  u16(): number {
    return this.#bytes.readUInt16LE(this.#advance(2));
  }

  u24(): number {
    return this.#bytes.readUIntLE(this.#advance(3), 3);
  }

  u32(): number {
    return this.#bytes.readUInt32LE(this.#advance(4));
  }

  /** Big-endian, as in ASF; IPMI itself is little-endian throughout. */
  u32BigEndian(): number {
    return this.#bytes.readUInt32BE(this.#advance(4));
  }

  /** A view, not a copy. */
  bytes(length: number): Buffer {
    const start = this.#advance(length);
    return this.#bytes.subarray(start, start + length);
  }

  rest(): Buffer {
    return this.bytes(this.remaining);
  }

  /** Reads one byte with a fixed value. */
  expect(value: number, what: string): void {
    const seen = this.u8();
    if (seen !== value) throw new Malformed(`${what} is ${seen}, not ${value}`);
  }

  end(what: string): void {
    if (this.remaining > 0) throw new Malformed(`${this.remaining} bytes follow the end of ${what}`);
  }

  #advance(length: number): number {
    if (length > this.remaining) throw new Malformed(`${length} bytes wanted, ${this.remaining} left`);
    const start = this.#at;
    this.#at += length;
    return start;
  }
}
