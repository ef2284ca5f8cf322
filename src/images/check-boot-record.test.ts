/** What oslo.utils' GPTInspector refuses, and what it lets pass. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, test } from 'node:test';
import { receiveUpload } from './upload.ts';

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ingot-boot-record-'));
});
after(() => rm(folder, { recursive: true, force: true }));

type Entry = readonly [flag: number, head: number, sector: number, cylinder: number, type: number, first: number];
const protective: Entry = [0, 0, 2, 0, 0xee, 1];

function aDisk(...entries: readonly Entry[]): Buffer {
  const disk = Buffer.alloc(64 * 1024);
  for (const [index, [flag, head, sector, cylinder, type, first]] of entries.entries()) {
    disk.set([flag, head, sector, cylinder, type], 446 + 16 * index);
    disk.writeUInt32LE(first, 446 + 16 * index + 8);
    disk.writeUInt32LE(2, 446 + 16 * index + 12);
  }
  disk.writeUInt16LE(0xaa55, 510);
  return disk;
}

function changed(disk: Buffer, change: (disk: Buffer) => unknown): Buffer {
  change(disk);
  return disk;
}

function take(disk: Buffer, more: { skips_boot_check?: boolean; checks_boot_record?: boolean } = {}) {
  const limits = { maxBytes: 2 ** 30, space: { folder, reserve: 0 }, stallMs: 60_000 };
  const request = { disk_format: 'raw', checks_boot_record: true, ...more };
  return receiveUpload(join(folder, crypto.randomUUID()), Readable.from([disk]), request, limits);
}

const none: Entry = [0, 0, 0, 0, 0, 0];
const refused: readonly (readonly [what: string, disk: Buffer, says: RegExp])[] = [
  ['no partitions', aDisk(), /: its MBR has no partitions;/],
  ['a boot flag of 1', aDisk([1, 0, 2, 0, 0x83, 2]), /: the boot flag of partition 1 in its MBR is neither 0 nor 128;/],
  ['a GPT and another partition', aDisk(protective, [0, 0, 9, 0, 0x83, 8]), /: its MBR has partitions beside its GPT;/],
  ['a GPT in the second entry', aDisk(none, protective), /: its MBR has partitions beside its GPT;/],
  ['a GPT from another sector', aDisk([0, 0, 2, 0, 0xee, 2]), /does not start at sector 1;/],
  ['a GPT from another cylinder', aDisk([0, 0, 2, 1, 0xee, 1]), /does not start at sector 1;/],
];
for (const [what, disk, says] of refused) {
  test(`refuses an MBR with ${what}, unless its owner wants that`, async () => {
    await assert.rejects(take(disk), { code: 'invalidImageData', message: /^Image failed safety checks: / });
    await assert.rejects(take(disk), { message: says });
    assert.equal((await take(disk, { skips_boot_check: true })).size, disk.length);
    assert.equal((await take(disk, { checks_boot_record: false })).size, disk.length);
  });
}

const taken: readonly (readonly [what: string, disk: Buffer])[] = [
  ['an active partition', aDisk([0x80, 0, 2, 0, 0x83, 2])],
  ['only the entry of a GPT', aDisk(protective)],
  ['no signature', changed(aDisk([1, 0, 2, 0, 0x83, 2]), (disk) => disk.writeUInt16LE(0, 510))],
  ['a FAT that fills the disk', changed(aDisk(), (disk) => disk.set([2, 0, 0, 0, 0, 0xf8], 16))],
  ['a CD in front of which it stands', changed(aDisk(), (disk) => disk.write('CD001', 0x8001, 'latin1'))],
];
for (const [what, disk] of taken) {
  test(`takes a record with ${what}`, async () => {
    assert.equal((await take(disk)).size, disk.length);
  });
}
