/**
 * Software RAID by the agent in the deploy ramdisk, with real kernel, `mdadm` and firmware: arrays are made, survive power
 * cuts, hold an image, and are erased with everything on their members.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, readFileSync, readSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { zstdCompressSync } from 'node:zlib';
import { encodeExtentsEnd, encodeExtentsHeader, encodeRecordHeader } from '#agent-protocol/extents.ts';
import { buildRamdisk, type Ramdisk } from '#build/ramdisk/build-ramdisk.ts';
import { RamdiskMachine, type RamdiskMachineOptions, whyNoMachine } from '../a-ramdisk-machine.ts';

const skip = whyNoMachine;
const mebibyte = 1024 ** 2;
const diskBytes = 3 * 1024 ** 3;
const imageBytes = 64 * mebibyte;
const imagePath = '/agent/v2/images/an-image';

const folder = mkdtempSync(join(tmpdir(), 'ingot-raid-'));
const files = ['a', 'b', 'c'].map((name) => join(folder, name));
let ramdisk: Ramdisk;
let machine: RamdiskMachine | undefined;

before(async () => {
  if (!skip) ramdisk = await buildRamdisk({ profile: 'lab', announce: (line) => console.log(line) });
});
afterEach(async () => {
  await machine?.cutPower();
  machine = undefined;
});
after(() => rmSync(folder, { recursive: true }));

async function boot(firmware: RamdiskMachineOptions['firmware'], disks: readonly string[]): Promise<RamdiskMachine> {
  machine = await RamdiskMachine.start({ ramdisk, disks, firmware, folder });
  return machine;
}

function emptyDisks(count: number): string[] {
  const disks = files.slice(0, count);
  for (const file of disks) {
    writeFileSync(file, '');
    truncateSync(file, diskBytes);
  }
  return disks;
}

const pair = [{ name: '/dev/vda' }, { name: '/dev/vdb' }];
const first = { raid_level: '1', size_gb: 1, controller: 'software', volume_name: 'first', physical_disks: pair };
const rest = { raid_level: '5', size_gb: 'MAX', controller: 'software', volume_name: 'rest' };
type Volumes = { volumes: { name: string; uuid: string; size_bytes: number; members: string[] }[] };

test('makes two arrays, finds them again after power cuts, and deletes them', { skip }, async () => {
  const disks = emptyDisks(3);
  const { hello } = await boot('bios', disks);
  assert.equal(hello.inventory.arrays, undefined);

  const { volumes } = (await machine!.does('apply-raid', { deletes: true, creates: [first, rest] })) as Volumes;
  assert.deepEqual(
    volumes.map(({ name, members }) => [name, members]),
    [
      ['first', ['/dev/vda1', '/dev/vdb1']],
      ['rest', ['/dev/vda2', '/dev/vdb2', '/dev/vdc1']],
    ],
  );
  assert.ok(volumes[0]!.size_bytes >= 1024 ** 3 && volumes[0]!.size_bytes < 1.01 * 1024 ** 3);
  await machine!.cutPower();

  const again = await boot('bios', disks);
  assert.deepEqual(
    again.hello.inventory.arrays?.map(({ uuid }) => uuid),
    volumes.map(({ uuid }) => uuid),
  );
  // What is there is kept: the same again changes nothing.
  assert.deepEqual(((await again.does('apply-raid', { deletes: false, creates: [first, rest] })) as Volumes).volumes, volumes);
  const other = await again.ask('apply-raid', { deletes: false, creates: [{ ...first, size_gb: 2 }] });
  assert.match(other.error ?? '', /the disks are not empty: \/dev\/vda \(dos\).*raid\.delete_configuration/);
  // A configuration that cannot be made does not cost what there is.
  const impossible = await again.ask('apply-raid', { deletes: true, creates: [{ ...first, size_gb: 500 }] });
  assert.match(impossible.error ?? '', /needs \d+ MiB of each member/);
  assert.deepEqual(await again.does('apply-raid', { deletes: true, creates: [] }), { volumes: [], deleted: ['first', 'rest'] });
  assert.deepEqual(await again.does('apply-raid', { deletes: true, creates: [] }), { volumes: [], deleted: [] });
});

test('a creation that was cut off is completed, and does not touch a disk that holds something else', { skip }, async () => {
  const disks = emptyDisks(2);
  const mirror = { raid_level: '1', size_gb: 'MAX', controller: 'software', volume_name: 'root' };
  const { server } = await boot('bios', disks);
  const begun = new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      if (!server.heard.progress.some(({ message }: { message: string }) => /^(writing|creating)/.test(message))) return;
      clearInterval(timer);
      resolve();
    }, 20);
  });
  machine!.ask('apply-raid', { deletes: false, creates: [mirror] }).catch(() => {});
  await begun;
  await machine!.cutPower();

  const second = await boot('bios', disks);
  const completed = await second.ask('apply-raid', { deletes: false, creates: [mirror] });
  // Cut off between the superblocks of two members, the array is to be deleted first, which is then possible.
  if (!completed.ok) assert.match(completed.error ?? '', /not empty: the RAID root/);
  await second.does('apply-raid', { deletes: true, creates: [mirror] });
  await second.does('apply-raid', { deletes: true, creates: [] });
  await second.cutPower();

  execFileSync('mke2fs', ['-q', '-F', disks[1]!]);
  const third = await boot('bios', disks);
  const refused = await third.ask('apply-raid', { deletes: true, creates: [mirror] });
  assert.match(refused.error ?? '', /the disks are not empty: \/dev\/vdb \(ext[234]\)/);
});

test('an image on a mirror has its EFI system partition on each member; erasing leaves nothing', { skip }, async () => {
  const disks = emptyDisks(2);
  const mirror = { raid_level: '1', size_gb: 'MAX', controller: 'software', volume_name: 'root', is_root_volume: true };
  const { server } = await boot('uefi', disks);
  const { esp, root, ...image } = anImage();
  server.files.set(imagePath, image.stream);
  const params = { path: imagePath, sha256: image.sha256, size: image.stream.length, virtual_size: imageBytes };
  const write = { ...params, minimum_bytes: imageBytes, raid: [{ name: 'root', is_root: true }] };

  const early = await machine!.ask('write-image', write);
  assert.match(early.error ?? '', /the RAID root, which the node has by its raid_config, is not on the disks \(found: none\)/);
  await machine!.does('apply-raid', { deletes: false, creates: [mirror] });
  const { device } = await machine!.does('write-image', write);
  assert.equal(device, '/dev/md0');
  const drive = Buffer.alloc(mebibyte);
  drive.write('CD001', 16 * 2048 + 1);
  server.files.set('/agent/v2/config-drive', drive);
  const sha256 = createHash('sha256').update(drive).digest('hex');
  await machine!.does('write-config-drive', { path: '/agent/v2/config-drive', sha256, size: drive.length, device });

  for (const file of disks) {
    assert.ok(bytesAt(file, { offset: mebibyte, length: esp.length }).equals(esp), `${file}: the EFI system partition`);
    // A superblock of version 1.2 says in sectors where the data is, at 4 KiB and 128 bytes.
    const member = (1 + 550) * mebibyte;
    const data = member + Number(bytesAt(file, { offset: member + 4096 + 128, length: 8 }).readBigUInt64LE()) * 512;
    assert.ok(bytesAt(file, { offset: data + root.offset, length: root.data.length }).equals(root.data), `${file}: the root`);
    const inner = bytesAt(file, { offset: data + mebibyte, length: 512 });
    assert.ok(inner.equals(Buffer.alloc(512)), 'the volume has no second file system with the id of the first');
  }

  const { disks: erased } = (await machine!.does('clean')) as { disks: { device: string }[] };
  assert.deepEqual(
    erased.map((each) => each.device),
    ['/dev/vda', '/dev/vdb'],
  );
  for (const file of disks) {
    const map = JSON.parse(execFileSync('qemu-img', ['map', '-U', '-f', 'raw', '--output=json', file], { encoding: 'utf8' }));
    const held = (map as { data: boolean; start: number; length: number }[]).filter(({ data }) => data);
    for (const { start, length } of held) assert.ok(bytesAt(file, { offset: start, length }).every((byte) => byte === 0));
  }
});

/** A GPT with an EFI system partition of 4 MiB at 1 MiB, and one more behind it. What is not in a record is zeros. */
function anImage() {
  const file = join(folder, 'image');
  writeFileSync(file, '');
  truncateSync(file, imageBytes);
  const script = 'label: gpt\nstart=1MiB, size=4MiB, type=U\nstart=5MiB, size=40MiB, type=L\n';
  execFileSync('sfdisk', ['--quiet', '--no-reread', '--no-tell-kernel', file], { input: script });
  const tables = readFileSync(file);
  const esp = randomBytes(4 * mebibyte);
  const root = { offset: 20 * mebibyte, data: randomBytes(mebibyte) };
  const end = imageBytes - mebibyte;
  const record = (offset: number, data: Buffer) => [encodeRecordHeader(offset, data.length), data];
  const records = [
    ...record(0, tables.subarray(0, mebibyte)),
    ...[0, 1, 2, 3].flatMap((index) => record((index + 1) * mebibyte, esp.subarray(index * mebibyte, (index + 1) * mebibyte))),
    ...record(root.offset, root.data),
    ...record(end, tables.subarray(end)),
  ];
  const stream = zstdCompressSync(Buffer.concat([encodeExtentsHeader(imageBytes), ...records, encodeExtentsEnd(imageBytes)]));
  return { esp, root, stream, sha256: createHash('sha256').update(stream).digest('hex') };
}

function bytesAt(file: string, { offset, length }: { offset: number; length: number }): Buffer {
  const buffer = Buffer.alloc(length);
  const handle = openSync(file, 'r');
  try {
    assert.equal(readSync(handle, buffer, 0, length, offset), length);
    return buffer;
  } finally {
    closeSync(handle);
  }
}
