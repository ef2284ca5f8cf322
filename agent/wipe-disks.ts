import { randomBytes, randomInt } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import type { CleanResult, Disk } from '../agent-protocol/messages.ts';
import type { CommandContext } from './command-loop.ts';
import type { Log } from './log.ts';
import type { Machine } from './machine.ts';
import { stopArrays } from './md.ts';
import { readsAsZeros, writeZeros } from './zeros.ts';

const mebibyte = 1024 ** 2;
/** Partition tables, boot loaders, file system and RAID headers are within this distance of either end. */
const metadataBytes = 2 * mebibyte;
const canaryBytes = 4096;
const canaryCount = 64;

type CleanedDisk = CleanResult['disks'][number];
type Wiping = { machine: Machine; log: Log; context: CommandContext; advance: (bytes: number) => void };

/** Makes the previous contents of every fixed disk unreadable; all disks in parallel, as each is its own bottleneck. */
export async function wipeDisks(parts: { machine: Machine; log: Log }, context: CommandContext): Promise<CleanResult> {
  // A running array would write to its members again.
  if (parts.machine.md) await stopArrays(parts.machine.md, context.signal);
  const disks = parts.machine.disks().filter((disk) => !disk.removable);
  const total = disks.reduce((sum, disk) => sum + disk.size_bytes, 0);
  let done = 0;
  const advance = (bytes: number) => {
    done += bytes;
    context.progress({ done_bytes: done, total_bytes: total, message: `wiping ${disks.map(({ device }) => device).join(', ')}` });
  };
  advance(0);
  return { disks: await Promise.all(disks.map((disk) => wipeDisk(disk, { ...parts, context, advance }))) };
}

async function wipeDisk(disk: Disk, wiping: Wiping): Promise<CleanedDisk> {
  const started = performance.now();
  const { machine, log } = wiping;
  try {
    // Done first, so that a disk whose wipe was interrupted does not boot.
    await wipeMetadata(disk);
    const method = await wipeContents(disk, wiping);
    await machine
      .rereadPartitions(disk.device)
      .catch((error: Error) => log.info(`could not re-read the partition table: ${error.message}`));
    const seconds = (performance.now() - started) / 1000;
    log.info(`${disk.device}: wiped by ${method} in ${seconds.toFixed(1)} s`);
    return { device: disk.device, size_bytes: disk.size_bytes, method, seconds };
  } catch (error) {
    throw new Error(`${disk.device} could not be wiped: ${(error as Error).message}`);
  }
}

async function wipeMetadata(disk: Disk): Promise<void> {
  const file = await open(disk.device, 'r+');
  try {
    const length = Math.min(metadataBytes, disk.size_bytes);
    await writeZeros(file, { offset: 0, length });
    await writeZeros(file, { offset: disk.size_bytes - length, length });
    await file.sync();
  } finally {
    await file.close();
  }
}

async function wipeContents(disk: Disk, wiping: Wiping): Promise<CleanedDisk['method']> {
  if (disk.discard_max_bytes > 0 && (await discards(disk, wiping))) {
    wiping.advance(disk.size_bytes);
    return 'discard';
  }
  // Slices, so that progress can be reported; the kernel writes zeros itself if the disk has no command for it.
  const slice = Math.max(1024, Math.ceil(disk.size_bytes / 100 / mebibyte)) * mebibyte;
  for (let offset = 0; offset < disk.size_bytes; offset += slice) {
    const length = Math.min(slice, disk.size_bytes - offset);
    await wiping.machine.zeroRange(disk.device, { offset, length }, wiping.context.signal);
    wiping.advance(length);
  }
  return disk.write_zeroes_max_bytes > 0 ? 'zeroout' : 'overwrite';
}

/**
 * A disk may accept a discard and still return the old data. So marks are first written all over it, and the discard
 * counts only if every one of them then reads as zeros.
 */
async function discards(disk: Disk, { machine, log, context }: Wiping): Promise<boolean> {
  const places = Array.from({ length: canaryCount }, () => randomInt(Math.floor(disk.size_bytes / canaryBytes)) * canaryBytes);
  await withFile(disk, async (file) => {
    for (const offset of places) await file.write(randomBytes(canaryBytes), 0, canaryBytes, offset);
    await file.sync();
  });
  try {
    await machine.discard(disk.device, context.signal);
  } catch (error) {
    log.info(`${disk.device}: no discard: ${(error as Error).message}`);
    return false;
  }
  return withFile(disk, async (file) => {
    for (const offset of places) {
      if (!(await readsAsZeros(file, { offset, length: canaryBytes }))) return false;
    }
    return true;
  });
}

async function withFile<T>(disk: Disk, use: (file: FileHandle) => Promise<T>): Promise<T> {
  const file = await open(disk.device, 'r+');
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}
