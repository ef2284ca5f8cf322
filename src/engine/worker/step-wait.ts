/**
 * Ends the run of a step from within one of its calls, so that the step waits without holding a thread and is run again
 * from its start. `runStep` turns it into the step's outcome.
 */
import { Fault } from '#domain/faults.ts';
import type { Outcome } from '#drivers/interfaces.ts';

export type Wait = Extract<Outcome, { wait: string }>;

/** No step waits longer, for a BMC or for people. */
export const longestWaitSeconds = 366 * 24 * 3600;

export class StepWait extends Error {
  override name = 'StepWait';
  readonly outcome: Wait;

  constructor(outcome: Wait) {
    super(`waiting for ${outcome.wait}`);
    this.outcome = outcome;
  }
}

/** @throws Fault `internal` if the step would run again without a pause, or never */
export function checkTimes(outcome: Outcome): void {
  if ('next' in outcome) return;
  const { wait, seconds = 0, againIn = 1 } = outcome;
  if (seconds >= 0 && seconds <= longestWaitSeconds && againIn > 0 && againIn <= longestWaitSeconds) return;
  const times = JSON.stringify({ seconds: String(seconds), againIn: String(againIn) });
  throw new Fault('internal', { detail: `a step cannot wait for ${wait} with the times ${times}` });
}
