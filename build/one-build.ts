/** Builds into one folder by several processes: the second waits, and finds what the first has built. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '#domain/faults.ts';

/** @throws Fault `toolFailed` if the lock cannot be had */
export async function oneBuildAtATime<T>(folder: string, build: () => Promise<T>): Promise<T> {
  mkdirSync(folder, { recursive: true });
  // `cat` starts, and echoes, once the lock is held; it ends with its input, so also when this process is killed.
  const holder = spawn('flock', [join(folder, 'lock'), 'cat'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const closed = once(holder, 'close');
  try {
    holder.stdin.on('error', () => {});
    holder.stdin.write('\n');
    await Promise.race([once(holder.stdout, 'data'), closed.then(([code]) => refuse(`exit ${code}`))]);
    return await build();
  } finally {
    holder.stdin.end();
    await closed.catch(() => undefined);
  }
}

function refuse(detail: string): never {
  throw new Fault('toolFailed', { tool: 'flock', detail });
}
