import { statSync } from 'node:fs';
import type { Disk, Inventory } from '../agent-protocol/messages.ts';
import { readDisks, readInventory } from './inventory.ts';
import { type RunProgram, runProgram } from './run-program.ts';

/** The hardware the agent works on; replaced by files on a plain host. */
export type Machine = {
  disks(): Disk[];
  inventory(): Inventory;
  readonly run: RunProgram;
  /** Where disks named by the kernel are found: `/dev`. */
  readonly devices: string;
  /** Makes the range read as zeros without sending them over the bus, where the disk can. */
  zeroRange(device: string, range: { offset: number; length: number }, signal: AbortSignal): Promise<void>;
  /** Tells the disk to forget all its blocks; what it reads afterwards is the disk's choice. */
  discard(device: string, signal: AbortSignal): Promise<void>;
  /** The kernel's view of the partitions follows what is on the disk now. */
  rereadPartitions(device: string): Promise<void>;
  reboot(): Promise<void>;
  powerOff(): Promise<void>;
};

/** Zeroing a whole disk may take hours where the disk writes every block. */
const wholeDiskMs = 24 * 3600_000;

export function realMachine(): Machine {
  const leave = async (how: string) => {
    await runProgram('sync', [], { timeoutMs: 300_000 });
    await runProgram(how, ['-f']);
  };
  return {
    disks: () => readDisks('/'),
    inventory: () => readInventory('/'),
    run: runProgram,
    devices: '/dev',
    zeroRange: async (device, { offset, length }, signal) => {
      await runProgram('blkdiscard', ['-f', '-z', '-o', `${offset}`, '-l', `${length}`, device], {
        signal,
        timeoutMs: wholeDiskMs,
      });
    },
    discard: async (device, signal) => {
      await runProgram('blkdiscard', ['-f', device], { signal, timeoutMs: wholeDiskMs });
    },
    rereadPartitions: async (device) => {
      await runProgram('blockdev', ['--rereadpt', device]);
    },
    reboot: () => leave('reboot'),
    powerOff: () => leave('poweroff'),
  };
}

/** A plain host: the files are the disks, leaving ends the program. */
export function fileMachine(files: readonly string[], end: () => void): Machine {
  const punch = async (file: string, range: { offset: number; length: number }, signal: AbortSignal) => {
    await runProgram('fallocate', ['--punch-hole', '-o', `${range.offset}`, '-l', `${range.length}`, file], { signal });
  };
  const disks = () => files.map(fileDisk);
  return {
    disks,
    inventory: () => ({ ...readInventory('/'), disks: disks() }),
    run: runProgram,
    devices: '/',
    zeroRange: punch,
    discard: (file, signal) => punch(file, { offset: 0, length: statSync(file).size }, signal),
    rereadPartitions: async () => {},
    reboot: async () => end(),
    powerOff: async () => end(),
  };
}

function fileDisk(file: string): Disk {
  const size = statSync(file).size;
  return {
    device: file,
    size_bytes: size,
    model: 'file',
    serial: '',
    rotational: false,
    removable: false,
    discard_max_bytes: size,
    write_zeroes_max_bytes: size,
  };
}
