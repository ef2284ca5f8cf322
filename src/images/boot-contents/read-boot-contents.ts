/**
 * What firmware would find on a raw disk image: boot code, partition tables, EFI loaders. The file is untrusted, so
 * each reader is bounded. Unreadable parts are reported, not guessed: only an image that certainly does not boot is
 * rejected.
 */
import { open } from 'node:fs/promises';
import type { BootContents } from '#domain/boot-contents.ts';
import { type DiskBytes, DiskContentsError, diskFile } from './disk-bytes.ts';
import { efiLoaders } from './efi-loaders.ts';
import { type CdImage, readCd } from './el-torito.ts';
import { FatVolume } from './fat.ts';
import { type Partition, readTables, type Tables } from './partition-tables.ts';

export async function bootContentsOf(path: string): Promise<BootContents> {
  const file = await open(path);
  try {
    return await readBootContents(await diskFile(file));
  } finally {
    await file.close();
  }
}

export async function readBootContents(disk: DiskBytes): Promise<BootContents> {
  const unread: string[] = [];
  const boot_code = hasBootCode(await disk.upTo(0, 512));
  const file_system = await fileSystemOf(disk);
  const tables = await readTables(disk).catch(orUnread(unread, 'its partition table', noTables));
  const cd = await readCd(disk).catch(orUnread(unread, 'its boot catalog', { isIso: true, efiImages: [] }));
  const places = volumePlaces(tables, cd);
  if (places.length > mostVolumes) unread.push(`only ${mostVolumes} of its partitions were looked into`);
  const loaders: BootContents['efi_loaders'] = [];
  let hasFat = false;
  for (const { start, what } of places.slice(0, mostVolumes)) {
    const volume = await FatVolume.open(disk, start).catch(orUnread(unread, what, undefined));
    if (!volume) continue;
    hasFat ||= start === 0;
    loaders.push(...(await efiLoaders(volume).catch(orUnread(unread, what, []))));
  }
  const cut_off = whyCutOff(tables.partitions, disk.size);
  return {
    ...layoutOf(tables, cd, hasFat ? 'FAT' : file_system),
    boot_code,
    efi_loaders: loaders.slice(0, mostLoaders),
    unread,
    damage: tables.damage,
    ...(cut_off && { cut_off }),
  };
}

const noTables: Tables = { kind: undefined, partitions: [], damage: [] };
/** They are stored beside the prepared image; a hundred are enough. */
const mostLoaders = 100;
/** Maximum number of volumes read. */
const mostVolumes = 128;

type Place = { start: number; what: string };

function volumePlaces({ partitions }: Tables, { efiImages }: CdImage): Place[] {
  const places = [
    { start: 0, what: 'its file system' },
    ...partitions.map(({ start, number }) => ({ start, what: `the FAT in partition ${number}` })),
    ...efiImages.map((start) => ({ start, what: 'the EFI image of its boot catalog' })),
  ];
  const once = new Map(places.map((place) => [place.start, place]));
  return [...once.values()];
}

/** Skips and reports an inconsistent part; any other error is a defect of ours, or of this host's disk. */
function orUnread<T>(unread: string[], what: string, instead: T) {
  return (error: unknown): T => {
    if (!(error instanceof DiskContentsError)) throw error;
    unread.push(`${what} cannot be read to its end (${error.message})`);
    return instead;
  };
}

/** A BIOS runs a sector with the signature; one with only a table has zeros in place of the code. */
function hasBootCode(sector: Buffer): boolean {
  return sector.length === 512 && sector.readUInt16LE(510) === 0xaa55 && sector.subarray(0, 440).some((byte) => byte !== 0);
}

/** For tables with cylinder-based sizes, which round up: a cylinder of 255 heads and 63 sectors. */
const cylinderBytes = 255 * 63 * 512;

function whyCutOff(partitions: readonly Partition[], size: number): string | undefined {
  const lost = partitions.find(({ start, end }) => start >= size || end > size + cylinderBytes);
  return lost && `its partition ${lost.number} ends at byte ${lost.end}, but the image at ${size}: it seems to be cut off`;
}

/** The boot sector of a file system looks like an MBR without partitions. */
function layoutOf({ kind, partitions }: Tables, cd: CdImage, file_system?: string): Pick<BootContents, 'layout' | 'file_system'> {
  const isFileSystem = file_system !== undefined && kind !== 'gpt' && partitions.length === 0;
  if (kind && !isFileSystem) return { layout: kind };
  if (cd.isIso) return { layout: 'iso9660' };
  return isFileSystem ? { layout: 'file system', file_system } : { layout: 'unknown' };
}

/** Magic numbers, with their offsets in bytes. */
const fileSystemTable: readonly (readonly [name: string, at: number, magic: string])[] = [
  ['ext', 0x438, '\x53\xef'],
  ['XFS', 0, 'XFSB'],
  ['Btrfs', 0x10040, '_BHRfS_M'],
  ['NTFS', 3, 'NTFS    '],
  ['exFAT', 3, 'EXFAT   '],
  ['F2FS', 0x400, '\x10\x20\xf5\xf2'],
  ['EROFS', 0x400, '\xe2\xe1\xf5\xe0'],
  ['SquashFS', 0, 'hsqs'],
  ['LVM', 0x200, 'LABELONE'],
  ['LUKS', 0, 'LUKS\xba\xbe'],
  ['swap', 4086, 'SWAPSPACE2'],
];

async function fileSystemOf(disk: DiskBytes): Promise<string | undefined> {
  for (const [name, at, magic] of fileSystemTable) {
    if ((await disk.upTo(at, magic.length)).toString('latin1') === magic) return name;
  }
  return undefined;
}
