/**
 * Deadlines of steps. The row stores wall-clock time, for display and for the next process. This process uses a
 * monotonic clock, so that a clock change neither fails deployments nor lets them hang.
 */

import type { Step } from '#drivers/interfaces.ts';
import type { Operation } from '#store/tables/operations.ts';
import type { EngineSettings } from '../settings.ts';

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
  settings: Pick<EngineSettings, 'power.timeout' | 'bmc.grace_period'>,
): readonly Step[] {
  const longer = Math.max(settings['power.timeout'] - usualTimeout, 0);
  return steps.map((step) => {
    const { powerChanges: changes, deadlineSeconds } = step;
    if (changes === undefined) return step;
    return { ...step, deadlineSeconds: deadlineSeconds + changes * longer + (changes + 1) * settings['bmc.grace_period'] };
  });
}

/** The deadline of the row on the process's monotonic clock; without a valid one, it has passed. */
export function endOf({ deadline_at }: Pick<Operation, 'deadline_at'>): number {
  const left = deadline_at ? Date.parse(deadline_at) - Date.now() : 0;
  return now() + (Number.isNaN(left) ? 0 : left);
}
