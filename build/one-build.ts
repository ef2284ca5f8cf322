/** Builds into one folder by several processes: the second waits, and finds what the first has built. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { pause } from '#async/timers.ts';
import { Fault } from '#domain/faults.ts';
import type { Announce } from './announce.ts';

type Options = {
  readonly announce?: Announce;
  /** Longer than any build takes (`run-command.ts` ends each of its programs after half an hour). */
  readonly waitSeconds?: number;
};

/** After this time the wait is announced. */
const noticeableMs = 1000;

/** @throws Fault `toolFailed` if another build has not ended in time */
export async function oneBuildAtATime<T>(
  folder: string,
  build: () => Promise<T>,
  { announce = () => {}, waitSeconds = 2 * 3600 }: Options = {},
): Promise<T> {
  mkdirSync(folder, { recursive: true });
  const refuse = (detail: string, cause?: unknown) => new Fault('toolFailed', { tool: 'flock', detail }, cause);
  // `cat` starts, and echoes, once the lock is held; it ends with its input, so also when this process is killed.
  const holder = spawn('flock', ['--wait', String(waitSeconds), join(folder, 'lock'), 'cat'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const closed = once(holder, 'close').catch((error: Error) => {
    throw refuse(error.message, error);
  });
  const ended = closed.then(([status]) => {
    throw refuse(
      status === 1
        ? `another build into ${folder} has not ended within ${waitSeconds} s; end it, then repeat this one`
        : `exit status ${status}`,
    );
  });
  const stop = new AbortController();
  void pause(noticeableMs, stop.signal).then(
    () => announce(`waiting for another build into ${folder}`),
    () => {},
  );
  try {
    holder.stdin.on('error', () => {});
    holder.stdin.write('\n');
    await Promise.race([once(holder.stdout, 'data'), ended]);
    stop.abort();
    return await build();
  } finally {
    stop.abort();
    holder.stdin.end();
    await ended.catch(() => {});
  }
}
