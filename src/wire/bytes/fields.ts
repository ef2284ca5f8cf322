/**
 * Layouts as data: a field can read and write itself; a `struct` is a list of named fields. A row of a command table
 * is written once and serves both client and BMC.
 */
import { Malformed } from './malformed.ts';
import { ByteReader } from './reader.ts';
import { ByteWriter } from './writer.ts';

export type Field<T> = {
  read(reader: ByteReader): T;
  write(writer: ByteWriter, value: T): void;
};
export type ValueOf<F> = F extends Field<infer T> ? T : never;
type StructOf<F> = { -readonly [Name in keyof F]: ValueOf<F[Name]> };

export const u8: Field<number> = { read: (reader) => reader.u8(), write: (writer, value) => void writer.u8(value) };
export const u16: Field<number> = { read: (reader) => reader.u16(), write: (writer, value) => void writer.u16(value) };
export const u24: Field<number> = { read: (reader) => reader.u24(), write: (writer, value) => void writer.u24(value) };
export const u32: Field<number> = { read: (reader) => reader.u32(), write: (writer, value) => void writer.u32(value) };
export const rest: Field<Buffer> = { read: (reader) => reader.rest(), write: (writer, value) => void writer.bytes(value) };

/** Exactly `length` bytes. */
export function bytes(length: number): Field<Buffer> {
  return {
    read: (reader) => reader.bytes(length),
    write: (writer, value) => {
      if (value.length !== length) throw new RangeError(`${value.length} bytes for a field of ${length}`);
      writer.bytes(value);
    },
  };
}

/** A field at the end of a layout that older or smaller peers omit. */
export function optional<T>(field: Field<T>): Field<T | undefined> {
  return {
    read: (reader) => (reader.remaining === 0 ? undefined : field.read(reader)),
    write: (writer, value) => {
      if (value !== undefined) field.write(writer, value);
    },
  };
}

/** A number whose values have names; unknown values throw `Malformed`. */
export function oneOf<const Names extends Readonly<Record<string, number>>>(names: Names): Field<keyof Names & string> {
  const byValue = new Map(Object.entries(names).map(([name, value]) => [value, name as keyof Names & string]));
  return {
    read: (reader) => {
      const value = reader.u8();
      const name = byValue.get(value);
      if (name === undefined) throw new Malformed(`value ${value} has no meaning`);
      return name;
    },
    write: (writer, value) => void writer.u8(names[value] as number),
  };
}

type BitsOf<B> = { [Name in keyof B]: B[Name] extends readonly [number] ? boolean : number };

/**
 * One byte of flags and small numbers: `[bit]` is a flag, `[lowest bit, width]` a number. Unnamed bits are reserved:
 * ignored on read, zero on write.
 */
export function bits<const B extends Readonly<Record<string, readonly [number] | readonly [number, number]>>>(
  layout: B,
): Field<BitsOf<B>> {
  const rows = Object.entries(layout);
  return {
    read: (reader) => {
      const byte = reader.u8();
      const value: Record<string, boolean | number> = {};
      for (const [name, place] of rows) value[name] = readBits(byte, place);
      return value as BitsOf<B>;
    },
    write: (writer, value) => {
      let byte = 0;
      for (const [name, place] of rows) byte |= placeBits(name, place, Number(value[name as keyof B]));
      writer.u8(byte);
    },
  };
}

/** Named fields in wire order. */
export function struct<F extends Readonly<Record<string, Field<unknown>>>>(fields: F): Field<StructOf<F>> {
  const rows = Object.entries(fields);
  return {
    read: (reader) => {
      const value: Record<string, unknown> = {};
      for (const [name, field] of rows) value[name] = field.read(reader);
      return value as StructOf<F>;
    },
    write: (writer, value) => {
      for (const [name, field] of rows) field.write(writer, value[name as keyof F]);
    },
  };
}

/** A field followed by reserved bytes: ignored on read, zero on write. */
export function padded<T>(field: Field<T>, reserved: number): Field<T> {
  return {
    read: (reader) => {
      const value = field.read(reader);
      reader.bytes(reserved);
      return value;
    },
    write: (writer, value) => {
      field.write(writer, value);
      writer.zeros(reserved);
    },
  };
}

/** No data at all. */
export const nothing: Field<Record<never, never>> = { read: () => ({}), write: () => {} };

export function encode<T>(field: Field<T>, value: T): Buffer {
  const writer = new ByteWriter();
  field.write(writer, value);
  return writer.finish();
}

/** @throws Malformed when bytes are missing or left over. */
export function decode<T>(field: Field<T>, data: Uint8Array, what: string): T {
  const reader = new ByteReader(data);
  const value = field.read(reader);
  reader.end(what);
  return value;
}

function readBits(byte: number, [lowest, width]: readonly [number] | readonly [number, number]): boolean | number {
  const value = (byte >> lowest) & ((1 << (width ?? 1)) - 1);
  return width === undefined ? value === 1 : value;
}

function placeBits(name: string, [lowest, width]: readonly [number] | readonly [number, number], value: number): number {
  if (value < 0 || value >= 1 << (width ?? 1)) throw new RangeError(`${name} ${value} does not fit ${width ?? 1} bits`);
  return value << lowest;
}
