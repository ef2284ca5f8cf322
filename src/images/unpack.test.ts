/** Compressed images: what is in them, damaged ones, and those that become much larger. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { faultOf } from '#test/fault-of.ts';
import { unpackImage } from './unpack.ts';
import { receiveUpload, type UploadLimits } from './upload.ts';

const folder = await mkdtemp(join(tmpdir(), 'ingot-unpack-'));
after(() => rm(folder, { recursive: true }));
const gib = 1024 ** 3;
const limits: UploadLimits = { maxBytes: gib, space: { folder, reserve: 0 }, stallMs: 60_000 };
const disk = Buffer.concat([randomBytes(70_000), Buffer.alloc(300_000), randomBytes(512)]);

const packers: Readonly<Record<string, (data: Buffer) => Buffer>> = {
  gzip: (data) => gzipSync(data),
  xz: (data) => execFileSync('xz', ['-c'], { input: data }),
  zstd: (data) => execFileSync('zstd', ['-q', '-c'], { input: data }),
};

async function lay(content: Buffer): Promise<string> {
  const path = join(folder, 'data.part');
  await writeFile(path, content);
  return path;
}

for (const [name, pack] of Object.entries(packers)) {
  test(`unpacks ${name}, and reports what is in it`, async () => {
    const path = await lay(pack(disk));
    const facts = await unpackImage(path, limits);

    assert.deepEqual(facts, {
      size: disk.length,
      md5: createHash('md5').update(disk).digest('hex'),
      sha512: createHash('sha512').update(disk).digest('hex'),
    });
    assert.deepEqual(await readFile(path), disk);
    assert.deepEqual(await readdir(folder), ['data.part']);
  });

  test(`refuses ${name} that is cut off or damaged, and leaves nothing`, async () => {
    const packed = pack(disk);
    for (const data of [packed.subarray(0, packed.length - 20), Buffer.concat([packed.subarray(0, 100), randomBytes(2000)])]) {
      const fault = await faultOf(unpackImage(await lay(data), limits));
      assert.match(fault.message, new RegExp(`^The image data cannot be used: its ${name} data is damaged\\.$`));
    }
    assert.deepEqual(await readdir(folder), ['data.part']);
  });

  test(`${name} does not become larger than an image may be`, async () => {
    const path = await lay(pack(Buffer.alloc(5_000_000)));
    const fault = await faultOf(unpackImage(path, { ...limits, maxBytes: 4_000_000 }));
    assert.equal(fault.code, 'tooLarge');
    assert.deepEqual(await readdir(folder), ['data.part']);
    assert.equal((await unpackImage(path, { ...limits, maxBytes: 5_000_000 }))?.size, 5_000_000);
  });
}

test('a few bytes do not become a large disk', async () => {
  const bomb = execFileSync('sh', ['-c', 'truncate -s 1200M "$0" && zstd -q -c "$0" && rm "$0"', join(folder, 'zeros')], {
    maxBuffer: gib,
  });
  const path = await lay(bomb);
  assert.ok(bomb.length < 1_000_000, `${bomb.length}`);

  const fault = await faultOf(unpackImage(path, { ...limits, maxBytes: 1000 * gib }));

  assert.match(fault.message, /^The image has more than 1 GiB when it is unpacked/);
  assert.deepEqual(await readdir(folder), ['data.part']);
});

test('zeros become holes', async () => {
  const path = await lay(packers['zstd']!(Buffer.alloc(50_000_000)));
  await unpackImage(path, limits);
  const { size, blocks } = await stat(path);
  assert.equal(size, 50_000_000);
  assert.ok(blocks * 512 < 1_000_000, `${blocks} blocks`);
});

test('leaves what is not compressed as it is', async () => {
  const path = await lay(disk);
  assert.equal(await unpackImage(path, limits), undefined);
  assert.deepEqual(await readFile(path), disk);
});

test('the contents are checked like those of other uploads', async () => {
  const target = join(folder, 'data');
  const upload = (data: Buffer, disk_format: string, unpacks = true) =>
    receiveUpload(target, Readable.from([data]), { disk_format, unpacks, size: data.length }, limits);

  const packed = gzipSync(disk);
  const facts = await upload(packed, 'raw');
  assert.deepEqual([facts.size, facts.virtual_size, facts.container_format], [disk.length, disk.length, 'bare']);
  assert.deepEqual(await readFile(target), disk);
  assert.match((await faultOf(upload(packed, 'qcow2'))).message, /disk_format qcow2 does not match stream data raw/);
  assert.match((await faultOf(upload(gzipSync(packed), 'raw'))).message, /its contents are compressed with gzip/);
  assert.match(
    (await faultOf(upload(gzipSync(Buffer.from('QFI\xfb', 'latin1')), 'raw'))).message,
    /disk_format raw does not match stream data qcow2/,
  );
  assert.match((await faultOf(upload(packed, 'raw', false))).message, /compressed with gzip; unpack it first/);
  assert.equal((await upload(packed, 'ari')).size, packed.length, 'a ramdisk may be compressed');
});
