/** Partition tables as firmware reads them: MBR with chained extended partitions, and GPT (UEFI 2.10 section 5). */
import { crc32 } from 'node:zlib';
import { type DiskBytes, DiskContentsError } from './disk-bytes.ts';

export type Partition = {
  /** The number in its table, from 1. */
  number: number;
  /** Bytes. */
  start: number;
  end: number;
};

export type Tables = {
  kind: 'gpt' | 'mbr' | undefined;
  partitions: Partition[];
  /** Defects of the tables, as readable text. */
  damage: string[];
};

const sectorBytes = 512;
/** UEFI 2.10 table 5-2 "OSType". */
const protective = 0xee;
const extended = [0x05, 0x0f, 0x85];
/** Maximum length of a chain of extended partitions. */
const longestChain = 64;

export async function readTables(disk: DiskBytes): Promise<Tables> {
  const entries = mbrEntries(await disk.upTo(0, sectorBytes));
  const gpt = await findGpt(disk);
  const isProtected = entries?.some(({ type }) => type === protective) ?? false;
  const plain = (entries ?? []).filter(({ type }) => type !== protective);
  const mbr = plain.length > 0 ? await readMbr(disk, plain) : { partitions: [], damage: [] };
  if (gpt) return { kind: 'gpt', partitions: [...gpt.partitions, ...mbr.partitions], damage: [...gpt.damage, ...mbr.damage] };
  if (isProtected) return { kind: 'gpt', partitions: mbr.partitions, damage: ['its GPT is missing or damaged'] };
  return { kind: entries && 'mbr', ...mbr };
}

type MbrEntry = { number: number; type: number; start: number; length: number };

/** undefined if it is not an MBR: the boot sector of a file system has code in place of the table. */
function mbrEntries(sector: Buffer): MbrEntry[] | undefined {
  if (sector.length < sectorBytes || sector.readUInt16LE(510) !== 0xaa55) return undefined;
  const rows = [0, 1, 2, 3].map((index) => sector.subarray(446 + 16 * index, 462 + 16 * index));
  if (rows.some((row) => ((row[0] ?? 0) & 0x7f) !== 0)) return undefined;
  const entries = rows.map((row, index) => ({
    number: index + 1,
    type: row[4] ?? 0,
    start: row.readUInt32LE(8) * sectorBytes,
    length: row.readUInt32LE(12) * sectorBytes,
  }));
  return entries.filter(({ type, length }) => type !== 0 && length > 0);
}

async function readMbr(disk: DiskBytes, entries: readonly MbrEntry[]): Promise<Pick<Tables, 'partitions' | 'damage'>> {
  const partitions: Partition[] = [];
  const damage: string[] = [];
  for (const entry of entries) {
    if (!extended.includes(entry.type)) partitions.push(placeOf(entry));
    else await readExtended(disk, entry, partitions).catch(reportDamage(damage, 'its extended partition'));
  }
  return { partitions, damage };
}

function placeOf({ number, start, length }: Omit<MbrEntry, 'type'>): Partition {
  return { number, start, end: start + length };
}

/**
 * A list of small MBRs: the first entry is a partition, relative to its own MBR; the second the next link, relative to
 * `whole`.
 */
async function readExtended(disk: DiskBytes, whole: MbrEntry, partitions: Partition[]): Promise<void> {
  let at = whole.start;
  for (let link = 0; link < longestChain; link += 1) {
    const entries = mbrEntries(await disk.read(at, sectorBytes)) ?? [];
    const logical = entries.find(({ type }) => !extended.includes(type));
    if (logical) partitions.push(placeOf({ ...logical, number: 5 + link, start: at + logical.start }));
    const next = entries.find(({ type }) => extended.includes(type));
    if (!next) return;
    at = whole.start + next.start;
  }
  throw new DiskContentsError('its chain does not end');
}

function reportDamage(damage: string[], what: string) {
  return (error: unknown): void => {
    if (!(error instanceof DiskContentsError)) throw error;
    damage.push(`${what} cannot be read (${error.message})`);
  };
}

/** Maximum entries read of a table; it usually has 128. */
const mostEntries = 1024;
const gptSignature = 'EFI PART';

/** Disks with 4096-byte sectors have their table elsewhere. The backup at the end is used if the first is damaged. */
async function findGpt(disk: DiskBytes): Promise<Pick<Tables, 'partitions' | 'damage'> | undefined> {
  for (const sector of [512, 4096]) {
    const damage = sector === 512 ? [] : ['its GPT is made for disks with sectors of 4096 bytes'];
    const first = await tryGpt(disk, sector, sector);
    if (first) return { partitions: first, damage };
    const last = await tryGpt(disk, disk.size - (disk.size % sector) - sector, sector);
    if (last) return { partitions: last, damage: [...damage, 'the first GPT is damaged, only that at its end can be read'] };
  }
  return undefined;
}

async function tryGpt(disk: DiskBytes, at: number, sector: number): Promise<Partition[] | undefined> {
  if (at < sector || at + sector > disk.size) return undefined;
  try {
    return await readGpt(disk, at, sector);
  } catch (error) {
    if (error instanceof DiskContentsError) return undefined;
    throw error;
  }
}

/** UEFI 2.10 tables 5-5 and 5-6. */
async function readGpt(disk: DiskBytes, at: number, sector: number): Promise<Partition[]> {
  const header = await disk.read(at, sector);
  if (header.toString('latin1', 0, 8) !== gptSignature) throw new DiskContentsError('no GPT');
  const headerBytes = header.readUInt32LE(12);
  if (headerBytes < 92 || headerBytes > sector) throw new DiskContentsError('its header has no size');
  const summed = Buffer.from(header.subarray(0, headerBytes));
  summed.writeUInt32LE(0, 16);
  if (crc32(summed) !== header.readUInt32LE(16)) throw new DiskContentsError('the checksum of its header is wrong');
  if (header.readBigUInt64LE(24) !== BigInt(at / sector)) throw new DiskContentsError('it lies where it does not belong');
  const [count, entryBytes] = [header.readUInt32LE(80), header.readUInt32LE(84)];
  if (count > mostEntries || entryBytes < 128 || entryBytes > 4096) throw new DiskContentsError('its entries have no size');
  const entries = await disk.read(bytesOf(header.readBigUInt64LE(72), sector), count * entryBytes);
  if (crc32(entries) !== header.readUInt32LE(88)) throw new DiskContentsError('the checksum of its entries is wrong');
  return Array.from({ length: count }, (_, index) => index)
    .filter((index) => entries.subarray(index * entryBytes, index * entryBytes + 16).some((byte) => byte !== 0))
    .map((index) => ({
      number: index + 1,
      start: bytesOf(entries.readBigUInt64LE(index * entryBytes + 32), sector),
      end: bytesOf(entries.readBigUInt64LE(index * entryBytes + 40) + 1n, sector),
    }));
}

/** Integers above 2^53 are not exact, and no disk is that large. */
function bytesOf(sectors: bigint, sector: number): number {
  return Number(sectors) * sector;
}
