import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  ExtentsError,
  type ExtentsPiece,
  ExtentsReader,
  encodeExtentsEnd,
  encodeExtentsHeader,
  encodeRecordHeader,
  extentsMaxRecordBytes,
} from './extents.ts';

const record = (offset: number, data: Buffer) => Buffer.concat([encodeRecordHeader(offset, data.length), data]);
const sample = Buffer.concat([
  encodeExtentsHeader(1 << 20),
  record(0, Buffer.from('first')),
  record(4096, Buffer.alloc(5000, 7)),
  encodeExtentsEnd(1 << 20),
]);

function readAll(stream: Buffer, chunkBytes: number) {
  const reader = new ExtentsReader();
  const disk = Buffer.alloc(1 << 20);
  const pieces: ExtentsPiece[] = [];
  for (let at = 0; at < stream.length; at += chunkBytes) pieces.push(...reader.read(stream.subarray(at, at + chunkBytes)));
  reader.finish();
  for (const { offset, data } of pieces) data.copy(disk, offset);
  return { disk, reader };
}

test('decodes the same image however the stream is split', () => {
  for (const chunkBytes of [1, 7, 24, 36, 4096, sample.length]) {
    const { disk, reader } = readAll(sample, chunkBytes);
    assert.equal(reader.virtualSize, 1 << 20);
    assert.equal(reader.dataBytes, 5005);
    assert.equal(disk.toString('latin1', 0, 6), 'first\0');
    assert.ok(disk.subarray(4096, 9096).every((byte) => byte === 7));
    assert.equal(disk[9096], 0);
  }
});

test('the encoding is stable', () => {
  assert.equal(encodeExtentsHeader(0x1_0000_0000).toString('hex'), '494e474f54455854010000000000000000000000' + '01000000');
  assert.equal(encodeRecordHeader(0x1_0000_0001, 3).toString('hex'), '010000000100000003000000');
});

test('encodes an empty image as a header and an end record', () => {
  const reader = new ExtentsReader();
  assert.deepEqual([...reader.read(Buffer.concat([encodeExtentsHeader(512), encodeExtentsEnd(512)]))], []);
  reader.finish();
});

const broken: Record<string, [Buffer, RegExp]> = {
  'another format': [Buffer.alloc(24, 1), /not an image in extents format/],
  'a newer version': [Buffer.concat([encodeExtentsHeader(9)]).fill(9, 8, 9), /version 9 is not known/],
  'a stream cut in its data': [sample.subarray(0, 2000), /ends early/],
  'a stream cut before the end record': [sample.subarray(0, -12), /ends early/],
  'bytes after the end': [Buffer.concat([sample, Buffer.from('x')]), /follows the end/],
  'overlapping records': [
    Buffer.concat([encodeExtentsHeader(9000), record(100, Buffer.alloc(100)), record(150, Buffer.alloc(1))]),
    /overlaps/,
  ],
  'a record past the end of the disk': [
    Buffer.concat([encodeExtentsHeader(10), encodeRecordHeader(8, 3)]),
    /end of the disk at 10/,
  ],
  'an empty record in the middle': [Buffer.concat([encodeExtentsHeader(10), encodeRecordHeader(8, 0)]), /empty record at 8/],
};
for (const [name, [stream, message]] of Object.entries(broken)) {
  test(`rejects ${name}`, () => {
    assert.throws(
      () => readAll(stream, 64),
      (error) => error instanceof ExtentsError && message.test(error.message),
    );
  });
}

test('neither writes nor reads a record longer than the limit', () => {
  assert.throws(() => encodeRecordHeader(0, extentsMaxRecordBytes + 1), RangeError);
  const header = encodeRecordHeader(0, extentsMaxRecordBytes);
  header.writeUInt32LE(extentsMaxRecordBytes + 1, 8);
  assert.throws(() => [...new ExtentsReader().read(Buffer.concat([encodeExtentsHeader(1e9), header]))], /too long/);
});
