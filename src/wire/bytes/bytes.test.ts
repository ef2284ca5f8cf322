import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { bits, bytes, decode, encode, oneOf, optional, padded, rest, struct, u8, u16, u24, u32 } from './fields.ts';
import { Malformed } from './malformed.ts';
import { ByteReader } from './reader.ts';

suite('the reader', () => {
  test('never returns less than was asked for', () => {
    const reads: ((reader: ByteReader) => unknown)[] = [
      (reader) => reader.u8(),
      (reader) => reader.u16(),
      (reader) => reader.u24(),
      (reader) => reader.u32(),
      (reader) => reader.u32BigEndian(),
      (reader) => reader.bytes(5),
    ];
    for (const read of reads) assert.throws(() => read(new ByteReader(Buffer.alloc(0))), Malformed);
    assert.throws(() => new ByteReader(Buffer.alloc(3)).u32(), Malformed);
    assert.throws(() => new ByteReader(Buffer.alloc(4)).bytes(5), Malformed);
  });

  test('reads a view of a larger buffer within its bounds', () => {
    const view = new Uint8Array(Uint8Array.of(9, 1, 2, 9).buffer, 1, 2);
    const reader = new ByteReader(view);
    assert.equal(reader.u16(), 0x0201);
    assert.throws(() => reader.u8(), Malformed);
  });
});

suite('field tables', () => {
  const layout = struct({
    head: bits({ kind: [0, 4], flag: [7] }),
    small: padded(u8, 2),
    word: u16,
    three: u24,
    long: u32,
    block: bytes(2),
    mode: oneOf({ off: 0, on: 1 }),
    tail: optional(u8),
  });
  const value = {
    head: { kind: 5, flag: true },
    small: 1,
    word: 0x0203,
    three: 0x040506,
    long: 0x0708090a,
    block: Buffer.of(0xb, 0xc),
    mode: 'on' as const,
    tail: undefined,
  };

  test('write in wire order, least significant byte first', () => {
    assert.equal(encode(layout, value).toString('hex'), '850100000302060504' + '0a090807' + '0b0c' + '01');
  });

  test('read back what they wrote', () => {
    assert.deepEqual(decode(layout, encode(layout, value), 'test'), value);
    assert.deepEqual(decode(layout, encode(layout, { ...value, tail: 7 }), 'test'), { ...value, tail: 7 });
  });

  test('reject what is short, long or invalid', () => {
    const packet = encode(layout, { ...value, tail: 7 });
    assert.throws(() => decode(layout, packet.subarray(0, -2), 'test'), Malformed);
    assert.throws(() => decode(layout, Buffer.concat([packet, Buffer.of(0)]), 'test'), Malformed);
    const unknown = Buffer.from(packet);
    unknown[unknown.length - 2] = 2;
    assert.throws(() => decode(layout, unknown, 'test'), Malformed);
  });

  test('reject values that do not fit', () => {
    assert.throws(() => encode(layout, { ...value, head: { kind: 16, flag: false } }), RangeError);
    assert.throws(() => encode(layout, { ...value, block: Buffer.of(1) }), RangeError);
    assert.throws(() => encode(layout, { ...value, word: 0x10000 }), RangeError);
  });

  test('ignore reserved bits and bytes', () => {
    const packet = encode(layout, value);
    packet[0] = (packet[0] as number) | 0x70;
    packet[2] = 0xff;
    assert.deepEqual(decode(layout, packet, 'test'), value);
  });

  test('accept an empty rest', () => {
    assert.equal(decode(rest, Buffer.alloc(0), 'test').length, 0);
  });
});
