/** Image tables with dangling, cyclic or empty references, parsed without QEMU's check before. */
import { mkdtempSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Fault } from '#domain/faults.ts';
import type { DiskFormat } from '#images/disk-formats.ts';
import { checkWholeFile } from '#images/whole-file/check-whole-file.ts';
import type { Roll } from './dice.ts';
import { mutateBytes } from './mutations.ts';
import { reasonOf, type Target } from './target.ts';

/** Clusters of 512 bytes: header, refcount table, refcounts, L1, L2, a cluster, and a compressed one. */
function aSmallQcow2(): Buffer {
  const file = Buffer.alloc(7 * 512);
  file.write('QFI\xfb', 0, 'latin1');
  file.writeUInt32BE(3, 4);
  file.writeUInt32BE(9, 20);
  file.writeBigUInt64BE(2048n, 24);
  file.writeUInt32BE(1, 36);
  file.writeBigUInt64BE(3n * 512n, 40);
  file.writeBigUInt64BE(512n, 48);
  file.writeUInt32BE(1, 56);
  file.writeBigUInt64BE(1024n, 512);
  file.writeBigUInt64BE(4n * 512n, 3 * 512);
  file.writeBigUInt64BE(5n * 512n, 4 * 512);
  file.writeBigUInt64BE((1n << 62n) | (6n * 512n), 4 * 512 + 8);
  return file;
}

/** Header, a directory of one table, that table, a grain, and a compressed one. */
function aSmallVmdk(flags: number): Buffer {
  const file = Buffer.alloc(8 * 512);
  file.write('KDMV', 0, 'latin1');
  file.writeUInt32LE(flags, 8);
  file.writeBigUInt64LE(4n, 12);
  file.writeBigUInt64LE(1n, 20);
  file.writeUInt32LE(512, 44);
  file.writeBigUInt64LE(1n, 56);
  file.writeUInt32LE(2, 512);
  file.writeUInt32LE(6, 1024);
  file.writeUInt32LE(7, 1028);
  file.writeUInt32LE(100, 7 * 512 + 8);
  return file;
}

function aSmallVdi(): Buffer {
  const file = Buffer.alloc(4 * 512);
  file.writeUInt32LE(512, 340);
  file.writeUInt32LE(1024, 344);
  file.writeBigUInt64LE(1024n, 368);
  file.writeUInt32LE(512, 376);
  file.writeUInt32LE(2, 384);
  file.writeUInt32LE(1, 512);
  return file;
}

const seeds: readonly (readonly [format: DiskFormat, image: Buffer])[] = [
  ['qcow2', aSmallQcow2()],
  ['vmdk', aSmallVmdk(3)],
  ['vmdk', aSmallVmdk(0x30003)],
  ['vdi', aSmallVdi()],
  ['vhd', Buffer.from('conectix'.padEnd(512, '\0'))],
  ['vhdx', Buffer.alloc(1024)],
];

const isFault = (error: Error) => error instanceof Fault && error.code === 'invalidImageData';

export const imageTableTarget: Target = {
  name: 'tables of image files',
  share: 0.5,
  slowMs: 200,
  open() {
    const path = join(mkdtempSync(join(tmpdir(), 'ingot-fuzz-')), 'image');
    return {
      /** The first byte selects the assumed format. */
      make(roll: Roll) {
        const at = roll(seeds.length);
        return Buffer.concat([Buffer.from([at]), mutateBytes(seeds[at]?.[1] ?? Buffer.alloc(0), roll)]);
      },
      async feed(input) {
        const [format] = seeds[(input[0] ?? 0) % seeds.length] as (typeof seeds)[number];
        await writeFile(path, input.subarray(1));
        try {
          await checkWholeFile(path, format);
          return { read: true };
        } catch (error) {
          return { read: false, reason: reasonOf(error, isFault) };
        }
      },
      close: () => rm(join(path, '..'), { recursive: true, force: true }),
    };
  },
};
