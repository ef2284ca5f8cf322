/** Collects the fields of a packet. A value that does not fit its field throws RangeError: that is a defect of the caller. */
export class ByteWriter {
  readonly #parts: Buffer[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  u8(value: number): this {
    return this.#number(1, (part) => part.writeUInt8(value));
  }

  u16(value: number): this {
    return this.#number(2, (part) => part.writeUInt16LE(value));
  }

  u24(value: number): this {
    return this.#number(3, (part) => part.writeUIntLE(value, 0, 3));
  }

  u32(value: number): this {
    return this.#number(4, (part) => part.writeUInt32LE(value));
  }

  u32BigEndian(value: number): this {
    return this.#number(4, (part) => part.writeUInt32BE(value));
  }

  bytes(value: Uint8Array): this {
    this.#parts.push(Buffer.from(value.buffer, value.byteOffset, value.byteLength));
    this.#length += value.byteLength;
    return this;
  }

  zeros(count: number): this {
    return this.bytes(Buffer.alloc(count));
  }

  finish(): Buffer {
    return Buffer.concat(this.#parts, this.#length);
  }

  #number(size: number, write: (part: Buffer) => unknown): this {
    const part = Buffer.alloc(size);
    write(part);
    return this.bytes(part);
  }
}
