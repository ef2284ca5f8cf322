import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pino } from 'pino';
import { createImageFiles } from '#images/image-files.ts';
import { type ApiFixture, openApiFixture } from '#test/api-fixture.ts';
import { efiProgram, makeBootDisk } from '#test/boot-disks.ts';

const mib = 1024 * 1024;
let folder: string;
let fixture: ApiFixture;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ingot-cut-off-'));
  fixture = await openApiFixture({
    images: (store, stateDir) => createImageFiles({ store, directory: join(stateDir, 'images'), log: pino({ level: 'silent' }) }),
  });
  // Data up to the last byte, preceded by holes.
  const disk = Buffer.alloc(8 * mib);
  for (let at = 0; at < disk.length; at += mib) randomBytes(200_000).copy(disk, at);
  randomBytes(4096).copy(disk, disk.length - 4096);
  await writeFile(join(folder, 'disk.raw'), disk);
});
after(async () => {
  await fixture.close();
  await rm(folder, { recursive: true, force: true });
});

async function send(disk_format: string, data: Buffer, properties: object = {}) {
  const payload = { name: 'half', disk_format, container_format: 'bare', ...properties };
  const { id } = (await fixture.ask({ method: 'POST', url: '/image/v2/images', payload })).body;
  const headers = { 'content-type': 'application/octet-stream' };
  const reply = await fixture.ask({ method: 'PUT', url: `/image/v2/images/${id}/file`, payload: data, headers });
  const message: string = reply.body?.error?.message ?? '';
  return { id, code: reply.status, message, status: (await fixture.ask({ url: `/image/v2/images/${id}` })).body.status };
}

/** Formats as qemu-img writes them. */
const formats = [
  ['qcow2', 'qcow2'],
  ['qcow2', 'qcow2', '-c'],
  ['qcow2', 'qcow2', '-c', '-o', 'compression_type=zstd'],
  ['qcow2', 'qcow2', '-o', 'extended_l2=on'],
  ['qcow2', 'qcow2', '-o', 'compat=0.10'],
  ['qcow2', 'qcow2', '-o', 'cluster_size=512'],
  ['vdi', 'vdi'],
  ['vdi', 'vdi', '-o', 'static=on'],
  ['vmdk', 'vmdk'],
  ['vmdk', 'vmdk', '-o', 'subformat=streamOptimized'],
  ['vhd', 'vpc', '-o', 'force_size=on'],
  ['vhd', 'vpc', '-o', 'subformat=fixed,force_size=on'],
  ['vhdx', 'vhdx'],
  ['vhdx', 'vhdx', '-o', 'subformat=fixed'],
] as const;

const cuts: readonly (readonly [what: string, keep: (size: number) => number])[] = [
  ...[25, 50, 75, 90, 99].map((percent) => [`${percent} %`, (size: number) => Math.floor((size * percent) / 100)] as const),
  ['all but a sector', (size) => size - 512],
  ['all but 511 bytes', (size) => size - 511],
  ['all but a byte', (size) => size - 1],
  ['511 bytes', () => 511],
  ['a byte', () => 1],
  ['nothing', () => 0],
];

for (const [disk_format, driver, ...options] of formats) {
  test(`accepts a complete ${[disk_format, ...options].join(' ')}, and rejects a truncated one`, async () => {
    const path = join(folder, 'image');
    execFileSync('qemu-img', ['convert', '-O', driver, ...options, join(folder, 'disk.raw'), path]);
    const image = await readFile(path);

    const whole = await send(disk_format, image);
    assert.equal(whole.status, 'active', whole.message);

    // QEMU pads it with sectors of zeros, which it does not need.
    const isPadded = options.join().includes('streamOptimized');
    for (const [what, keep] of cuts.filter(([what]) => !isPadded || what !== 'all but a sector')) {
      const { id, code, message, status } = await send(disk_format, image.subarray(0, keep(image.length)));
      assert.deepEqual([code, status], [what === 'nothing' ? 400 : 415, 'queued'], `${what}: ${message}`);
      assert.match(message, /cut off|is damaged|cannot be read|does not match stream data raw|is empty/, what);
      assert.deepEqual(await readdir(join(fixture.stateDir, 'images', id)), [], what);
    }
  });
}

test('accepts a stream-optimized vmdk without its last sector if only zeros are missing', async () => {
  const path = join(folder, 'stream');
  execFileSync('qemu-img', ['convert', '-O', 'vmdk', '-o', 'subformat=streamOptimized', join(folder, 'disk.raw'), path]);
  const image = await readFile(path);
  await writeFile(path, image.subarray(0, -512));

  assert.equal((await send('vmdk', image.subarray(0, -512))).status, 'active');
  assert.match(
    execFileSync('qemu-img', ['compare', '-f', 'vmdk', path, join(folder, 'disk.raw')], { encoding: 'utf8' }),
    /identical/,
  );
});

test('rejects a truncated vmdk with its directory in a footer, as VMware writes it', async () => {
  const path = join(folder, 'vmware');
  execFileSync('qemu-img', ['convert', '-O', 'vmdk', '-o', 'subformat=streamOptimized', join(folder, 'disk.raw'), path]);
  const image = await readFile(path);
  const [footer, marker, end] = [Buffer.from(image.subarray(0, 512)), Buffer.alloc(512), Buffer.alloc(512)];
  // "Metadata markers": one sector follows, of type 3 (footer); the end of the stream has type 0.
  marker.writeUInt32LE(1, 0);
  marker.writeUInt32LE(3, 12);
  image.writeBigUInt64LE(0xffff_ffff_ffff_ffffn, 56);
  const whole = Buffer.concat([image, marker, footer, end]);

  const taken = await send('vmdk', whole);
  assert.equal(taken.status, 'active', taken.message);
  for (const missing of [1, 512, 1024, 1536, image.length >> 1]) {
    const { code, message } = await send('vmdk', whole.subarray(0, -missing));
    assert.equal(code, 415, message);
    assert.match(message, /cut off|cannot be read/);
  }
});

for (const disk_format of ['raw', 'ami', 'iso']) {
  test(`rejects a ${disk_format} of less than a sector`, async () => {
    for (const [size, says] of [
      [0, /is empty/],
      [1, /it has 1 byte, and a disk at least one sector of 512|disk_format iso does not match/],
      [511, /it has 511 bytes|disk_format iso does not match/],
    ] as const) {
      const { code, message, status } = await send(disk_format, Buffer.alloc(size, 7));
      assert.deepEqual([code, status], [size === 0 ? 400 : 415, 'queued'], message);
      assert.match(message, says);
    }
  });
}

test('rejects a raw disk that ends before its partitions unless its owner declares that', async () => {
  for (const label of ['gpt', 'dos'] as const) {
    const files = { '/EFI/BOOT/BOOTX64.EFI': efiProgram() };
    const disk = await readFile(makeBootDisk(folder, label, { label, files, mib: 40 }));

    const half = await send('raw', disk.subarray(0, disk.length / 2));
    const meant = await send('raw', disk.subarray(0, disk.length / 2), { ingot_boot_check: 'skip' });

    assert.equal((await send('raw', disk)).status, 'active');
    assert.deepEqual([half.code, half.status], [415, 'queued']);
    assert.match(half.message, /its partition 1 ends at byte 40894464, but the image at 20971520: it seems to be cut off/);
    assert.equal(meant.status, 'active');
  }
});
