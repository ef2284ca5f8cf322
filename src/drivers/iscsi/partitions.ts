/** The partitions of a flavor, and their MBR. Pure functions. */
import { createHash } from 'node:crypto';
import { type Static, Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import type { Flavor } from '#store/tables/flavors.ts';

const sector = 512;
const mib = 1024 * 1024;
const gib = 1024 * mib;

/** Bytes, all multiples of 1 MiB. */
export const Partition = Type.Object({
  role: Type.Union([Type.Literal('root'), Type.Literal('swap'), Type.Literal('ephemeral'), Type.Literal('config')]),
  start: Type.Integer(),
  length: Type.Integer(),
});
export type Partition = Static<typeof Partition>;
export type PartitionRole = Partition['role'];

/** Fixed size, so that the partitions before it never move; far larger than any config drive. */
export const configDriveBytes = 64 * mib;
/** Space before the first partition: the table itself, and where other table formats may have left data. */
export const leadInBytes = mib;

export type PartitionRequest = {
  flavor: Pick<Flavor, 'name' | 'disk' | 'ephemeral' | 'swap'>;
  imageBytes: number;
  diskBytes: number;
};

/**
 * The classic order: ephemeral, swap, root; without ephemeral: root, swap. The config drive comes last. Ephemeral
 * always begins at 1 MiB, so that a rebuild can keep it. Throws `diskUnfit`.
 */
export function planPartitions({ flavor, imageBytes, diskBytes }: PartitionRequest): Partition[] {
  const root = { role: 'root', length: Math.max(flavor.disk * gib, Math.ceil(imageBytes / mib) * mib) } as const;
  const swap = { role: 'swap', length: Math.max(flavor.swap, 1) * mib } as const;
  const ephemeral = { role: 'ephemeral', length: flavor.ephemeral * gib } as const;
  const wanted = flavor.ephemeral > 0 ? [ephemeral, swap, root] : [root, swap];
  let start = leadInBytes;
  const partitions = [...wanted, { role: 'config', length: configDriveBytes } as const].map(({ role, length }) => {
    const partition = { role, start, length };
    start += length;
    return partition;
  });
  const unfit = (detail: string) => new Fault('diskUnfit', { flavor: flavor.name, detail });
  const beyond = partitions.find((partition) => partition.start / sector >= 2 ** 32 || partition.length / sector >= 2 ** 32);
  if (beyond) throw unfit(`partition ${beyond.role} lies beyond the 2 TiB that an MBR partition table can address`);
  if (start > diskBytes) throw unfit(`it needs ${start / mib} MiB, the disk has ${Math.floor(diskBytes / mib)} MiB`);
  return partitions;
}

const typeTable: Record<PartitionRole, number> = { root: 0x83, swap: 0x82, ephemeral: 0x83, config: 0x83 };

/**
 * The first MiB of the disk: an MBR without boot code (the machine boots from the network), then zeros, which also
 * erase a former GPT. The disk signature is derived from `seed`, so that a repeated step writes the same bytes.
 */
export function encodeLeadIn(partitions: readonly Partition[], seed: string): Buffer {
  const block = Buffer.alloc(leadInBytes);
  createHash('sha256').update(seed).digest().copy(block, 440, 0, 4);
  for (const [index, { role, start, length }] of partitions.entries()) {
    const entry = block.subarray(446 + index * 16);
    entry[4] = typeTable[role];
    // CHS addresses are obsolete: these values tell readers to use LBA.
    entry.set([0xfe, 0xff, 0xff], 1);
    entry.set([0xfe, 0xff, 0xff], 5);
    entry.writeUInt32LE(start / sector, 8);
    entry.writeUInt32LE(length / sector, 12);
  }
  block.writeUInt16LE(0xaa55, 510);
  return block;
}
