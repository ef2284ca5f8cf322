import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import type { WriteConfigDrive } from '../agent-protocol/messages.ts';
import { download } from './download.ts';
import type { Log } from './log.ts';
import type { Machine } from './machine.ts';
import { type Partition, type PartitionTable, readTable } from './partition-table.ts';
import { diskNamed } from './root-disk.ts';
import type { RunProgram } from './run-program.ts';
import type { ServerLink } from './server-link.ts';

const mebibyte = 1024 ** 2;
const usualBytes = 64 * mebibyte;
const largestBytes = 512 * mebibyte;

/** cloud-init looks for a file system with this label. */
export const configDriveLabel = 'config-2';

export type ConfigDriveParts = { machine: Machine; link: ServerLink; log: Log };

/** Writes an ISO 9660 file to its own partition at the end of the disk; replaces a previous one. */
export async function writeConfigDrive(
  params: WriteConfigDrive,
  { machine, link, log }: ConfigDriveParts,
  signal: AbortSignal,
): Promise<{ device: string; offset: number }> {
  const disk = await diskNamed(machine, params.device);
  if (!disk) throw new Error(`there is no disk ${params.device}`);
  const iso = await fetchVerified(params, { link, log }, signal);
  const offset = await makeRoom(machine.run, { ...disk, wantedBytes: iso.length });
  const file = await open(disk.device, 'r+');
  try {
    await file.write(iso, 0, iso.length, offset);
    await file.sync();
  } finally {
    await file.close();
  }
  await machine
    .rereadPartitions(disk.device)
    .catch((error: Error) => log.info(`could not re-read the partition table: ${error.message}`));
  return { device: disk.device, offset };
}

async function fetchVerified(
  params: WriteConfigDrive,
  parts: { link: ServerLink; log: Log },
  signal: AbortSignal,
): Promise<Buffer> {
  const { path, size, sha256 } = params;
  if (size > largestBytes) throw new Error(`a config drive of ${size} bytes is too large`);
  const chunks: Buffer[] = [];
  for await (const chunk of download(parts.link, parts.log, { path, size, signal })) chunks.push(chunk);
  const iso = Buffer.concat(chunks);
  const actual = createHash('sha256').update(iso).digest('hex');
  if (actual !== sha256) throw new Error(`checksum mismatch: expected ${sha256}, got ${actual}`);
  return iso;
}

type Room = { device: string; size_bytes: number; wantedBytes: number };

/** Finds or creates the partition. @returns its offset in bytes */
export async function makeRoom(run: RunProgram, room: Room): Promise<number> {
  let table = await usableTable(run, room.device);
  if (table.label === 'gpt') {
    // The backup header is at the end of the image; until it is moved to the end of the disk, nothing fits behind it.
    await run('sfdisk', ['--relocate', 'gpt-bak-std', '--no-reread', '--no-tell-kernel', room.device]);
    table = await usableTable(run, room.device);
  }
  const sector = table.sectorsize ?? 512;
  const former = await findFormer(room.device, table.partitions ?? [], sector);
  if (former && former.size * sector >= room.wantedBytes) return former.start * sector;
  if (former) {
    const number = /(\d+)$/.exec(former.node)?.[1] as string;
    await run('sfdisk', ['--delete', '--no-reread', '--no-tell-kernel', room.device, number]);
    table = await usableTable(run, room.device);
  }
  const { start, size } = placeAtEnd(table, room);
  const script = `start=${start / sector}, size=${size / sector}, type=${table.label === 'gpt' ? 'L' : '83'}\n`;
  const args = ['--append', '--wipe', 'never', '--wipe-partitions', 'never', '--no-reread', '--no-tell-kernel', room.device];
  await run('sfdisk', args, { input: script });
  return start;
}

async function usableTable(run: RunProgram, device: string): Promise<PartitionTable> {
  const table = await readTable(run, device).catch((error: Error) => {
    throw new Error(`${device} has no partition table to add a config drive to (${error.message})`);
  });
  if (table.label !== 'gpt' && table.label !== 'dos') throw new Error(`${device} has a partition table of type ${table.label}`);
  return table;
}

/**
 * In bytes. The last aligned free range of the disk after all partitions; less than the usual size if room is short.
 */
export function placeAtEnd(table: PartitionTable, room: Room): { start: number; size: number } {
  const sector = table.sectorsize ?? 512;
  const partitions = table.partitions ?? [];
  const used = Math.max(mebibyte, ...partitions.map(({ start, size }) => (start + size) * sector));
  // An MBR counts sectors in 32 bits.
  const end = table.label === 'gpt' ? ((table.lastlba ?? 0) + 1) * sector : Math.min(room.size_bytes, 2 ** 32 * sector);
  const needed = Math.ceil(room.wantedBytes / mebibyte) * mebibyte;
  for (const size of [Math.max(usualBytes, needed), needed]) {
    const start = Math.floor((end - size) / mebibyte) * mebibyte;
    if (start >= used) return { start, size };
  }
  throw new Error(
    `${room.device} has no room for a config drive: partitions end at ${used} of ${end} bytes, ${needed} are needed`,
  );
}

async function findFormer(device: string, partitions: readonly Partition[], sector: number): Promise<Partition | undefined> {
  const file = await open(device, 'r');
  try {
    for (const partition of partitions) if (await isConfigDrive(file, partition.start * sector)) return partition;
    return undefined;
  } finally {
    await file.close();
  }
}

/** Primary volume descriptor at sector 16 of 2048 bytes: type 1, `CD001`, volume identifier at 40 (ECMA-119, 8.4). */
async function isConfigDrive(file: FileHandle, offset: number): Promise<boolean> {
  const descriptor = Buffer.alloc(2048);
  await file.read(descriptor, 0, descriptor.length, offset + 16 * 2048);
  const label = descriptor.toString('latin1', 40, 72).trim();
  return descriptor.toString('latin1', 1, 6) === 'CD001' && label.toLowerCase() === configDriveLabel;
}
