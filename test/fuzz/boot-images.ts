/** Disks with partition tables, FAT volumes and EFI programs as a user may upload them, parsed in memory. */
import { crc32 } from 'node:zlib';
import { whyNotBootable } from '#domain/boot-contents.ts';
import { DiskBytes } from '#images/boot-contents/disk-bytes.ts';
import { architectureOf } from '#images/boot-contents/efi-loaders.ts';
import { readBootContents } from '#images/boot-contents/read-boot-contents.ts';
import { pick, type Roll } from './dice.ts';
import { mutateBytes } from './mutations.ts';
import { checkPlain, type Target } from './target.ts';

/** UEFI 2.10 table 5-7, in its byte order on the disk. */
const espType = Buffer.from('28732ac11ff8d211ba4b00a0c93ec93b', 'hex');

/** Only a DOS stub and a PE header. */
export function aProgram(machine: number): Buffer {
  const program = Buffer.alloc(512);
  program.write('MZ', 'latin1');
  program.writeUInt32LE(128, 0x3c);
  program.write('PE\0\0', 128, 'latin1');
  program.writeUInt16LE(machine, 132);
  return program;
}

const entry = (name: string, { attributes = 0x20, cluster = 0, size = 0 }) => {
  const bytes = Buffer.alloc(32);
  bytes.write(name.padEnd(11), 'latin1');
  bytes[11] = attributes;
  bytes.writeUInt16LE(cluster, 26);
  bytes.writeUInt32LE(size, 28);
  return bytes;
};
const directory = 0x10;

/** 64 sectors of FAT12: /EFI/BOOT/BOOTX64.EFI in clusters 2, 3 and 4. */
export function aFat12(): Buffer {
  const volume = Buffer.alloc(64 * 512);
  volume.write('\xeb\x3c\x90MKFAT', 'latin1');
  for (const [at, value] of [
    [11, 512],
    [14, 1],
    [17, 16],
    [19, 64],
    [22, 1],
  ] as const)
    volume.writeUInt16LE(value, at);
  volume.set([1], 13);
  volume.set([1], 16);
  volume.set([0xf8], 21);
  volume.writeUInt16LE(0xaa55, 510);
  volume.set([0xf8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f], 512);
  entry('EFI', { attributes: directory, cluster: 2 }).copy(volume, 1024);
  entry('BOOT', { attributes: directory, cluster: 3 }).copy(volume, 1536);
  entry('BOOTX64 EFI', { cluster: 4, size: 512 }).copy(volume, 2048);
  aProgram(0x8664).copy(volume, 2560);
  return volume;
}

/** GPT with four entries, one of which is the FAT; its sectors are `sector` bytes long. */
export function aGptDisk(sector: 512 | 4096): Buffer {
  const volume = aFat12();
  const start = 4;
  const last = start + Math.ceil(volume.length / sector) - 1;
  const disk = Buffer.alloc((last + 3) * sector);
  disk.set([0, 0, 2, 0, 0xee, 0xff, 0xff, 0xff, 1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff], 446);
  disk.writeUInt16LE(0xaa55, 510);
  espType.copy(disk, 2 * sector);
  disk.writeBigUInt64LE(BigInt(start), 2 * sector + 32);
  disk.writeBigUInt64LE(BigInt(last), 2 * sector + 40);
  const header = disk.subarray(sector, 2 * sector);
  header.write('EFI PART', 'latin1');
  for (const [at, value] of [
    [8, 0x10000],
    [12, 92],
    [80, 4],
    [84, 128],
  ] as const)
    header.writeUInt32LE(value, at);
  for (const [at, value] of [
    [24, 1],
    [32, last + 2],
    [40, start],
    [48, last],
    [72, 2],
  ] as const)
    header.writeBigUInt64LE(BigInt(value), at);
  volume.copy(disk, start * sector);
  return withSums(disk, sector);
}

/** An MBR with the FAT in a logical partition: two extended records. */
export function anMbrDisk(): Buffer {
  const volume = aFat12();
  const disk = Buffer.alloc(16 * 512 + volume.length);
  const put = (at: number, row: number, [type, start, length]: readonly [number, number, number]) => {
    disk[at + 446 + 16 * row + 4] = type;
    disk.writeUInt32LE(start, at + 446 + 16 * row + 8);
    disk.writeUInt32LE(length, at + 446 + 16 * row + 12);
    disk.writeUInt16LE(0xaa55, at + 510);
  };
  put(0, 0, [0x83, 1, 1]);
  put(0, 1, [0x05, 2, 14 + 64]);
  put(2 * 512, 0, [0x83, 1, 1]);
  put(2 * 512, 1, [0x05, 4, 80]);
  put(6 * 512, 0, [0xef, 10, 64]);
  volume.copy(disk, 16 * 512);
  return disk;
}

/** Checksums are corrected after a mutation: otherwise they would hide most mutations from the code behind them. */
function withSums(disk: Buffer, sector: number): Buffer {
  if (disk.length < 3 * sector) return disk;
  const header = disk.subarray(sector, 2 * sector);
  const length = Math.min(header.readUInt32LE(12), sector);
  const entries = header.readUInt32LE(80) * header.readUInt32LE(84);
  const at = Number(header.readBigUInt64LE(72)) * sector;
  if (at + entries <= disk.length) header.writeUInt32LE(crc32(disk.subarray(at, at + entries)), 88);
  header.writeUInt32LE(0, 16);
  header.writeUInt32LE(crc32(header.subarray(0, length)), 16);
  return disk;
}

/** El Torito: a volume descriptor, a boot record, its catalog, and the FAT. */
export function aCd(): Buffer {
  const volume = aFat12();
  const disk = Buffer.alloc(20 * 2048 + volume.length);
  disk.write('\x01CD001\x01', 16 * 2048, 'latin1');
  disk.write('\x00CD001\x01EL TORITO SPECIFICATION', 17 * 2048, 'latin1');
  disk.writeUInt32LE(19, 17 * 2048 + 0x47);
  disk.write('\xffCD001\x01', 18 * 2048, 'latin1');
  disk.set([1, 0xef], 19 * 2048);
  disk.writeUInt16LE(0xaa55, 19 * 2048 + 30);
  disk[19 * 2048 + 32] = 0x88;
  disk.writeUInt32LE(20, 19 * 2048 + 40);
  volume.copy(disk, 20 * 2048);
  return disk;
}

const seeds = [
  { disk: aGptDisk(512), sector: 512 },
  { disk: aGptDisk(4096), sector: 4096 },
  { disk: anMbrDisk(), sector: 0 },
  { disk: aFat12(), sector: 0 },
  { disk: aCd(), sector: 0 },
];

/** Offsets of tables, headers and directories: mutations elsewhere would rarely have an effect. */
const cuts = [0, 446, 512, 1024, 1536, 2048, 2560, 4096, 16 * 512, 17 * 2048, 19 * 2048];

function makeDisk(roll: Roll): Buffer {
  const { disk, sector } = pick(seeds, roll);
  const from = Math.min(pick(cuts, roll), disk.length - 1);
  const to = Math.min(from + 512, disk.length);
  const piece = roll(8) === 0 ? mutateBytes(disk.subarray(from), roll) : mutateBytes(disk.subarray(from, to), roll);
  const rest = roll(8) === 0 ? Buffer.alloc(0) : disk.subarray(to);
  const changed = Buffer.concat([disk.subarray(0, from), piece, rest]);
  return sector > 0 && roll(4) > 0 ? withSums(changed, sector) : changed;
}

const machines = [{}, { boot_mode: 'uefi', architecture: 'aarch64' }, { boot_mode: 'bios', architecture: 'x86_64' }] as const;

/** Nothing is rejected here: unreadable parts are included in the result. */
export const bootImageTarget: Target = {
  name: 'boot loaders in disk images',
  share: 3,
  slowMs: 400,
  open: () => ({
    make: makeDisk,
    async feed(input) {
      const disk = new DiskBytes({
        size: input.length,
        read: async (at, length) => Buffer.from(input.subarray(at, at + length)),
      });
      const contents = await readBootContents(disk);
      checkPlain(contents);
      for (const machine of machines) checkPlain(whyNotBootable(contents, machine) ?? null);
      if (architectureOf(input) === '') throw new Error('an architecture without a name');
      const { efi_loaders, unread, damage } = contents;
      if (efi_loaders.length > 0) return { read: true };
      return { read: false, reason: [...unread, ...damage, 'no EFI loader'].join('; ') };
    },
  }),
};
