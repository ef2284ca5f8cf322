/**
 * The files of a FAT12, FAT16 or FAT32 volume by their 8.3 names, as firmware reads it: Microsoft's "FAT32 File System
 * Specification" 1.03 ("spec" below), UEFI 2.10 section 13.3. Names such as BOOTX64.EFI are 8.3, so longer ones are
 * skipped.
 */
import { type DiskBytes, DiskContentsError } from './disk-bytes.ts';

export type FatEntry = { name: string; isDirectory: boolean; cluster: number; size: number };

type Layout = {
  /** Byte offsets of the volume, its first FAT, the root directory of FAT12 and FAT16, and cluster 2. */
  fat: number;
  root: { at: number; bytes: number } | { cluster: number };
  clusters: number;
  clusterBytes: number;
  /** The last existing cluster. */
  lastCluster: number;
  bits: 12 | 16 | 32;
};

const entryBytes = 32;
/** Maximum directory size in bytes: 4096 entries. */
const largestDirectory = 128 * 1024;

export class FatVolume {
  readonly #disk: DiskBytes;
  readonly #layout: Layout;

  private constructor(disk: DiskBytes, layout: Layout) {
    this.#disk = disk;
    this.#layout = layout;
  }

  /** undefined if no FAT begins there. */
  static async open(disk: DiskBytes, start: number): Promise<FatVolume | undefined> {
    if (start + 512 > disk.size) return undefined;
    const layout = layoutOf(await disk.read(start, 512), start);
    return layout && new FatVolume(disk, layout);
  }

  /** @throws DiskContentsError if it cannot be read completely */
  async list(directory?: FatEntry): Promise<FatEntry[]> {
    const { root } = this.#layout;
    if (!directory && 'at' in root) return readEntries(await this.#disk.read(root.at, root.bytes));
    const cluster = directory?.cluster ?? ('cluster' in root ? root.cluster : 0);
    const parts: Buffer[] = [];
    let bytes = 0;
    for await (const part of this.#chain(cluster)) {
      parts.push(part);
      bytes += part.length;
      if (hasEnd(part)) break;
      if (bytes >= largestDirectory) throw new DiskContentsError('a directory is too large');
    }
    return readEntries(Buffer.concat(parts));
  }

  /** The first bytes of a file. */
  async head(file: FatEntry, length: number): Promise<Buffer> {
    const wanted = Math.min(length, file.size);
    const parts: Buffer[] = [];
    let bytes = 0;
    if (wanted === 0) return Buffer.alloc(0);
    for await (const part of this.#chain(file.cluster)) {
      parts.push(part);
      bytes += part.length;
      if (bytes >= wanted) break;
    }
    return Buffer.concat(parts).subarray(0, wanted);
  }

  async *#chain(first: number): AsyncGenerator<Buffer> {
    for (let cluster = first; cluster < this.#endMark(); cluster = await this.#next(cluster)) {
      yield await this.#disk.read(this.#place(cluster), this.#layout.clusterBytes);
    }
  }

  #place(cluster: number): number {
    const { clusters, clusterBytes, lastCluster } = this.#layout;
    if (cluster < 2 || cluster > lastCluster) throw new DiskContentsError(`there is no cluster ${cluster}`);
    return clusters + (cluster - 2) * clusterBytes;
  }

  /** Spec "FAT Data Structure": the highest values end a chain. */
  #endMark(): number {
    return { 12: 0xff8, 16: 0xfff8, 32: 0x0ffffff8 }[this.#layout.bits];
  }

  async #next(cluster: number): Promise<number> {
    const { fat, bits } = this.#layout;
    if (bits === 32) return (await this.#disk.read(fat + cluster * 4, 4)).readUInt32LE() & 0x0fffffff;
    if (bits === 16) return (await this.#disk.read(fat + cluster * 2, 2)).readUInt16LE();
    const pair = (await this.#disk.read(fat + cluster + (cluster >> 1), 2)).readUInt16LE();
    return cluster & 1 ? pair >> 4 : pair & 0xfff;
  }
}

/** Spec "Boot Sector and BPB". The FAT type follows the rule of EDK II, whose reader most firmware uses. */
function layoutOf(sector: Buffer, start: number): Layout | undefined {
  const sectorBytes = sector.readUInt16LE(11);
  const clusterSectors = sector[13] ?? 0;
  const reserved = sector.readUInt16LE(14);
  const tables = sector[16] ?? 0;
  const rootEntries = sector.readUInt16LE(17);
  const sectors = sector.readUInt16LE(19) || sector.readUInt32LE(32);
  const [shortTable, longTable] = [sector.readUInt16LE(22), sector.readUInt32LE(36)];
  if (![512, 1024, 2048, 4096].includes(sectorBytes) || !isPowerOfTwo(clusterSectors)) return undefined;
  if (reserved === 0 || tables === 0 || tables > 4 || sectors === 0 || (sector[21] ?? 0) < 0xf0) return undefined;
  const tableSectors = shortTable || longTable;
  const rootBytes = rootEntries * entryBytes;
  const root = (reserved + tables * tableSectors) * sectorBytes;
  const clusters = root + Math.ceil(rootBytes / sectorBytes) * sectorBytes;
  const clusterBytes = clusterSectors * sectorBytes;
  const count = Math.floor((sectors * sectorBytes - clusters) / clusterBytes);
  if (tableSectors === 0 || count < 1) return undefined;
  return {
    fat: start + reserved * sectorBytes,
    root: shortTable === 0 ? { cluster: sector.readUInt32LE(44) } : { at: start + root, bytes: rootBytes },
    clusters: start + clusters,
    clusterBytes,
    lastCluster: count + 1,
    bits: shortTable === 0 ? 32 : count < 4085 ? 12 : 16,
  };
}

function isPowerOfTwo(value: number): boolean {
  return value > 0 && (value & (value - 1)) === 0;
}

function hasEnd(part: Buffer): boolean {
  for (let at = 0; at + entryBytes <= part.length; at += entryBytes) if (part[at] === 0) return true;
  return false;
}

const attribute = { volume: 0x08, directory: 0x10 };

/** Spec "FAT Directory Structure". Long names have the attribute of volume labels. */
function readEntries(bytes: Buffer): FatEntry[] {
  const entries: FatEntry[] = [];
  for (let at = 0; at + entryBytes <= bytes.length && bytes[at] !== 0; at += entryBytes) {
    const entry = bytes.subarray(at, at + entryBytes);
    const attributes = entry[11] ?? 0;
    if (entry[0] === 0xe5 || entry[0] === 0x2e || attributes & attribute.volume) continue;
    entries.push({
      name: nameOf(entry),
      isDirectory: (attributes & attribute.directory) !== 0,
      cluster: entry.readUInt16LE(20) * 0x10000 + entry.readUInt16LE(26),
      size: entry.readUInt32LE(28),
    });
  }
  return entries;
}

/** Unprintable names belong to no known loader. */
function nameOf(entry: Buffer): string {
  const part = (from: number, to: number) =>
    entry
      .toString('latin1', from, to)
      .trimEnd()
      .replace(/[^\x20-\x7e]/g, '?');
  const ending = part(8, 11);
  return (ending ? `${part(0, 8)}.${ending}` : part(0, 8)).toUpperCase();
}
