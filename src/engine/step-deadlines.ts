/**
 * When steps must end. The row keeps a time of day, for people and for the next process; this process counts by a
 * clock that nobody sets, so that a correction of the time neither fails a rack of deployments nor lets them hang.
 */
import type { Operation } from '#domain/records.ts';
import type { Step } from '#drivers/interfaces.ts';
import type { Settings } from '#settings.ts';

/** Milliseconds on the process's own clock; of use only for differences. */
export const now = (): number => performance.now();

export function deadlineOf(step: Pick<Step, 'deadlineSeconds'>): string {
  return new Date(Date.now() + step.deadlineSeconds * 1000).toISOString();
}

/** What `power.timeout` is unless the site says otherwise: the steps' own times count on it (seconds). */
const usualTimeout = 60;

/** Steps that ask a BMC get the time on top that the site's settings let it take. */
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

/** The deadline of the row on the process's own clock. */
export function endOf({ deadline_at }: Pick<Operation, 'deadline_at'>): number {
  return now() + (deadline_at ? Date.parse(deadline_at) - Date.now() : 0);
}

/** For work that may not mind the signal, or not at once. Rejects with the signal's reason; the work goes on unheard. */
export function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  if (signal.aborted) abort();
  else signal.addEventListener('abort', abort, { once: true });
  return Promise.race([work, promise]).finally(() => signal.removeEventListener('abort', abort));
}

/** What `setTimeout` can count; it calls at once for more. */
export const longestTimerMs = 2 ** 31 - 1;

/** One call at a time that is still to come, however far away. */
export class LongTimer {
  #timer: NodeJS.Timeout | undefined;

  /** Replaces what was set before. */
  set(ms: number, call: () => void): void {
    this.clear();
    const rest = ms - longestTimerMs;
    this.#timer = setTimeout(() => (rest > 0 ? this.set(rest, call) : call()), Math.min(Math.max(ms, 0), longestTimerMs));
  }

  clear(): void {
    clearTimeout(this.#timer);
  }
}
