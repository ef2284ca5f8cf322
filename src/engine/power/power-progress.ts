/** The power changes of one step, in the order in which it asks for them: a step that runs again skips what is done. */
import type { PowerState } from '#domain/power-states.ts';
import type { PowerTarget } from '#drivers/interfaces.ts';

export type Change = {
  isDone: boolean;
  /** The command sent; `isAnswered`: the BMC has responded to it, or its effect was seen. */
  sent?: { target: PowerTarget; wanted: PowerState; isAnswered: boolean };
  /** The power state last read; `unknown` before that. */
  seen: PowerState | 'unknown';
};

export class PowerProgress {
  readonly #changes: Change[] = [];
  #position = 0;

  /** The step begins another run. */
  restart(): void {
    this.#position = 0;
  }

  /** What is done counts no more. */
  forget(): void {
    this.#changes.length = 0;
    this.#position = 0;
  }

  /** The next change that the step asks for. */
  next(): { change: Change; index: number } {
    const index = this.#position++;
    this.#changes[index] ??= { isDone: false, seen: 'unknown' };
    return { change: this.#changes[index], index };
  }
}
