import { statSync } from 'node:fs';
import type { Disk, Inventory } from '../agent-protocol/messages.ts';
import { readDisks, readInventory } from './inventory.ts';
import type { MdParts } from './md.ts';
import { type RunProgram, runProgram } from './run-program.ts';

/** The hardware the agent works on; replaced by files in host mode. */
export type Machine = {
  disks(): Disk[];
  inventory(): Inventory;
  readonly run: RunProgram;
  /** For software RAID. Absent: the disks are files, and those of the host are not ours. */
  readonly md?: MdParts;
  /** Folder of the kernel's disk devices: `/dev`. */
  readonly devices: string;
  /** Zeroes the range without sending zeros over the bus, if the disk supports that. */
  zeroRange(device: string, range: { offset: number; length: number }, signal: AbortSignal): Promise<void>;
  /** Discards all blocks; what reads return afterwards depends on the disk. */
  discard(device: string, signal: AbortSignal): Promise<void>;
  /** Makes the kernel reread the partition table. */
  rereadPartitions(device: string): Promise<void>;
  reboot(): Promise<void>;
  powerOff(): Promise<void>;
};

/** Zeroing a whole disk may take hours if the disk writes every block. */
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
    md: { run: runProgram, root: '/' },
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

/** Host mode: the files are the disks, rebooting exits the program. */
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
