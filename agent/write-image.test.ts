import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { zstdCompressSync } from 'node:zlib';
import { encodeExtentsEnd, encodeExtentsHeader, encodeRecordHeader } from '../agent-protocol/extents.ts';
import { Log } from './log.ts';
import { fileMachine, type Machine } from './machine.ts';
import { ServerLink } from './server-link.ts';
import { StandInServer } from './stand-in-server.ts';
import { writeImage } from './write-image.ts';

const mebibyte = 1024 ** 2;
const virtualSize = 16 * mebibyte;
const diskSize = 24 * mebibyte;
const path = '/agent/v2/images/an-image';

/** Data at the start, in the middle across record boundaries, and a tail that ends in a hole. */
const records: [number, Buffer][] = [
  [0, randomBytes(70_000)],
  [4 * mebibyte, randomBytes(3 * mebibyte)],
  [7 * mebibyte, randomBytes(mebibyte)],
  [12 * mebibyte, randomBytes(512)],
];

function image(): Buffer {
  const head = Buffer.concat([encodeExtentsHeader(virtualSize), encodeRecordHeader(...recordHead(0)), records[0]?.[1] as Buffer]);
  const tail = records.slice(1).flatMap(([, data], index) => [encodeRecordHeader(...recordHead(index + 1)), data]);
  // Two frames, as from a converter that flushes.
  return Buffer.concat([zstdCompressSync(head), zstdCompressSync(Buffer.concat([...tail, encodeExtentsEnd(virtualSize)]))]);
}

function recordHead(index: number): [number, number] {
  const [offset, data] = records[index] as [number, Buffer];
  return [offset, data.length];
}

function expectedImage(): Buffer {
  const disk = Buffer.alloc(virtualSize);
  for (const [offset, data] of records) data.copy(disk, offset);
  return disk;
}

let folder: string;
let file: string;
let server: StandInServer;
let stop: AbortController;
let machine: Machine;
const progress: { done_bytes: number; total_bytes: number; message: string }[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ingot-agent-'));
  file = join(folder, 'disk');
  writeFileSync(file, Buffer.alloc(diskSize, 0xaa));
  server = new StandInServer();
  stop = new AbortController();
  machine = fileMachine([file], () => {});
  progress.length = 0;
});

afterEach(async () => {
  stop.abort();
  await server.close();
  rmSync(folder, { recursive: true });
});

async function write(content: Buffer, changes: { sha256?: string; minimum_bytes?: number; asked?: string } = {}) {
  const url = await server.listen();
  server.files.set(path, content);
  const link = new ServerLink({ url, token: server.token }, stop.signal);
  const sha256 = createHash('sha256').update(content).digest('hex');
  const params = {
    path: changes.asked ?? path,
    sha256,
    size: content.length,
    virtual_size: virtualSize,
    minimum_bytes: 0,
    ...changes,
  };
  const context = { progress: (step: (typeof progress)[number]) => progress.push(step), signal: stop.signal };
  return writeImage(params, { machine, link, log: new Log(() => {}) }, context);
}

test('writes data in place, zeros the holes, and wipes the end of the disk', async () => {
  const result = await write(image());
  const disk = readFileSync(file);
  assert.ok(disk.subarray(0, virtualSize).equals(expectedImage()));
  assert.ok(disk.subarray(virtualSize, diskSize - mebibyte).every((byte) => byte === 0xaa));
  assert.ok(disk.subarray(diskSize - mebibyte).every((byte) => byte === 0));
  assert.equal(result.device, file);
  assert.equal(result.data_bytes, 70_000 + 4 * mebibyte + 512);
  assert.equal(result.skipped_bytes, virtualSize - result.data_bytes);
  assert.equal(progress.at(-1)?.done_bytes, progress.at(-1)?.total_bytes);
});

test('writes the holes of a disk without write-zeroes', async () => {
  const whole = machine;
  machine = {
    ...whole,
    disks: () => whole.disks().map((disk) => ({ ...disk, write_zeroes_max_bytes: 0 })),
    zeroRange: () => Promise.reject(new Error('must not be asked')),
  };
  await write(image());
  assert.ok(readFileSync(file).subarray(0, virtualSize).equals(expectedImage()));
});

for (const takesRanges of [true, false]) {
  test(`resumes a download interrupted twice, ${takesRanges ? 'where it broke' : 'by a server without ranges'}`, async () => {
    server.takesRanges = takesRanges;
    server.cuts.push(100_000, takesRanges ? 1_000_000 : 1_500_000);
    await write(image());
    assert.ok(readFileSync(file).subarray(0, virtualSize).equals(expectedImage()));
    assert.equal(server.heard.ranges.length, 2);
  });
}

test('a checksum mismatch reports both sums and leaves nothing bootable', async () => {
  const wrong = 'f'.repeat(64);
  const content = image();
  const actual = createHash('sha256').update(content).digest('hex');
  await assert.rejects(write(content, { sha256: wrong }), { message: `checksum mismatch: expected ${wrong}, got ${actual}` });
  assert.ok(
    readFileSync(file)
      .subarray(0, mebibyte)
      .every((byte) => byte === 0),
  );
});

test('reads invalid image data to its end for the checksum', async () => {
  const content = randomBytes(3 * mebibyte);
  await assert.rejects(write(content, { sha256: 'e'.repeat(64) }), /checksum mismatch: expected e+, got [0-9a-f]{64}/);
  await server.close();
  server = new StandInServer();
  await assert.rejects(write(content), /prefix|frame|descriptor/i);
});

test('reports corrupt data by its checksum, not by the decompressor', async () => {
  const content = image();
  const sha256 = createHash('sha256').update(content).digest('hex');
  content.fill(0, 500_000, 500_100);
  await assert.rejects(write(content, { sha256 }), new RegExp(`checksum mismatch: expected ${sha256}, got [0-9a-f]{64}`));
  assert.ok(
    readFileSync(file)
      .subarray(0, mebibyte)
      .every((byte) => byte === 0),
  );
});

test('fails at once if the server does not have the image', async () => {
  const pending = write(image(), { asked: '/agent/v2/images/another' });
  await assert.rejects(pending, /answered with 404/);
});

test('writes nothing if no disk is large enough, and reports the sizes', async () => {
  await assert.rejects(
    write(image(), { minimum_bytes: 1e12 }),
    /no disk fits: .*disk has 25165824 bytes of the 1000000000000 needed/,
  );
  assert.ok(readFileSync(file).every((byte) => byte === 0xaa));
});
