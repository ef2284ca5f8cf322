/**
 * Deadlines of steps. The row stores wall-clock time, for display and for the next process. This process uses a
 * monotonic clock, so that a clock change neither fails deployments nor lets them hang.
 */

import type { Step } from '#drivers/interfaces.ts';
import type { Settings } from '#settings.ts';
import type { Operation } from '#store/tables/operations.ts';

/** Milliseconds on the process's monotonic clock; use only for differences. */
export const now = (): number => performance.now();

export function deadlineOf(step: Pick<Step, 'deadlineSeconds'>): string {
  return new Date(Date.now() + step.deadlineSeconds * 1000).toISOString();
}

/** Default of `power.timeout`, which the steps' timeouts include (seconds). */
const usualTimeout = 60;

/** Extends the timeouts of steps that contact a BMC by the time that the site's settings allow. */
export function withBmcTime(
  steps: readonly Step[],
  settings: Pick<Settings, 'power.timeout' | 'bmc.grace_period'>,
): readonly Step[] {
  const longer = Math.max(settings['power.timeout'] - usualTimeout, 0);
  return steps.map((step) => {
    const { powerChanges: changes, deadlineSeconds } = step;
    if (changes === undefined) return step;
    return { ...step, deadlineSeconds: deadlineSeconds + changes * longer + (changes + 1) * settings['bmc.grace_period'] };
  });
}

/** The deadline of the row on the process's monotonic clock. */
export function endOf({ deadline_at }: Pick<Operation, 'deadline_at'>): number {
  return now() + (deadline_at ? Date.parse(deadline_at) - Date.now() : 0);
}

/**
 * For work that ignores the signal or reacts late. Rejects with the signal's reason; the work continues, and its result
 * is dropped.
 */
export function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  if (signal.aborted) abort();
  else signal.addEventListener('abort', abort, { once: true });
  return Promise.race([work, promise]).finally(() => signal.removeEventListener('abort', abort));
}

/** Maximum of `setTimeout`; a longer timeout fires at once. */
export const longestTimerMs = 2 ** 31 - 1;

/** A timer for one pending call, without an upper limit. */
export class LongTimer {
  #timer: NodeJS.Timeout | undefined;

  /** Replaces the pending call. */
  set(ms: number, call: () => void): void {
    this.clear();
    const rest = ms - longestTimerMs;
    this.#timer = setTimeout(() => (rest > 0 ? this.set(rest, call) : call()), Math.min(Math.max(ms, 0), longestTimerMs));
  }

  clear(): void {
    clearTimeout(this.#timer);
  }
}
