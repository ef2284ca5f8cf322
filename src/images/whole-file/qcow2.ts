/**
 * QEMU docs/interop/qcow2.txt. QEMU's own check accepts an incomplete last cluster and reads zeros for the rest: a
 * truncation by less than a cluster would lose data silently.
 */
import type { TableFile } from './table-file.ts';

type Shape = {
  clusterBits: number;
  clusterBytes: number;
  /** Disk size in bytes. */
  size: number;
  /** Subclusters: an L2 entry has a second word with their allocation bitmap. */
  isExtended: boolean;
};

/** "L1 table entry", "Standard Cluster Descriptor": bits 9 to 55. */
const offsetAt = (table: Buffer, at: number) =>
  (table.readUInt32BE(at) & 0x00ffffff) * 2 ** 32 + ((table.readUInt32BE(at + 4) & 0xfffffe00) >>> 0);

/** @throws CutOff if a table or a cluster is beyond the end */
export async function checkQcow2(file: TableFile): Promise<void> {
  const header = await file.read(0, 104);
  const clusterBits = header.readUInt32BE(20);
  const isExtended = header.readUInt32BE(4) >= 3 && (header.readUInt32BE(76) & 0x10) !== 0;
  const shape = { clusterBits, clusterBytes: 2 ** clusterBits, size: Number(header.readBigUInt64BE(24)), isExtended };
  await checkRefcounts(file, header, shape);
  const entries = header.readUInt32BE(36);
  const guestBytes = (shape.clusterBytes / (isExtended ? 16 : 8)) * shape.clusterBytes;
  let guest = 0;
  for await (const piece of file.pieces(Number(header.readBigUInt64BE(40)), entries * 8)) {
    for (let at = 0; at < piece.length; at += 8, guest += guestBytes) {
      const table = offsetAt(piece, at);
      if (table !== 0) checkL2(file, await file.read(table, shape.clusterBytes), { ...shape, guest });
    }
  }
}

async function checkRefcounts(file: TableFile, header: Buffer, { clusterBytes }: Shape): Promise<void> {
  const bytes = header.readUInt32BE(56) * clusterBytes;
  for await (const piece of file.pieces(Number(header.readBigUInt64BE(48)), bytes)) {
    for (let at = 0; at < piece.length; at += 8) {
      const block = offsetAt(piece, at);
      if (block !== 0) file.expect(block + clusterBytes);
    }
  }
}

function checkL2(file: TableFile, table: Buffer, shape: Shape & { guest: number }): void {
  const { clusterBytes, isExtended, size } = shape;
  const step = isExtended ? 16 : 8;
  for (let at = 0, guest = shape.guest; at < table.length; at += step, guest += clusterBytes) {
    if (table.readUInt32BE(at) & 0x40000000) {
      file.expect(endOfCompressed(table, at, shape));
      continue;
    }
    const cluster = offsetAt(table, at);
    const used = isExtended ? usedSubclusters(table, at, clusterBytes) : usedCluster(table, at, clusterBytes);
    if (cluster !== 0 && used > 0) file.expect(cluster + Math.min(used, Math.max(size - guest, 0)));
  }
}

/** Bit 0: reads as zeros, regardless of its data. */
function usedCluster(table: Buffer, at: number, clusterBytes: number): number {
  return (table[at + 7] ?? 0) & 1 ? 0 : clusterBytes;
}

/** "Extended L2 Entries": the lower half of the bitmap says which of 32 subclusters have data. */
function usedSubclusters(table: Buffer, at: number, clusterBytes: number): number {
  return (32 - Math.clz32(table.readUInt32BE(at + 12))) * (clusterBytes / 32);
}

/**
 * "Compressed Clusters Descriptor": x bits of offset, then the number of further 512-byte sectors. QEMU pads the last
 * one.
 */
function endOfCompressed(table: Buffer, at: number, { clusterBits }: Shape): number {
  const [high, low] = [table.readUInt32BE(at) & 0x3fffffff, table.readUInt32BE(at + 4)];
  const bits = 62 - (clusterBits - 8) - 32;
  const offset = (high & (2 ** bits - 1)) * 2 ** 32 + low;
  return offset - (offset % 512) + ((high >>> bits) + 1) * 512;
}
