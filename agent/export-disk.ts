import type { Log } from './log.ts';
import type { Machine } from './machine.ts';
import type { ClassicOptions } from './options.ts';

export async function exportDisk(_parts: {
  classic: ClassicOptions;
  machine: Machine;
  log: Log;
  signal: AbortSignal;
}): Promise<void> {
  throw new Error('not yet');
}
