/**
 * Ends the run of a step from within one of its calls, so that the step waits without holding a thread and is run again
 * from its start. `runStep` turns it into the step's outcome.
 */
import type { Outcome } from '#drivers/interfaces.ts';

export type Wait = Extract<Outcome, { wait: string }>;

export class StepWait extends Error {
  override name = 'StepWait';
  readonly outcome: Wait;

  constructor(outcome: Wait) {
    super(`waiting for ${outcome.wait}`);
    this.outcome = outcome;
  }
}
