/**
 * What is remembered of a step between its runs in this process. After a restart of Ingot the step begins anew: it
 * checks the machine's state before it acts, and its waits get their full time again.
 */
import { PowerProgress } from '../power/power-progress.ts';
import { now } from './step-deadlines.ts';

export class StepMemory {
  readonly #since = new Map<string, number>();
  readonly #kept = new Map<string, number>();
  readonly power = new PowerProgress();

  /** Seconds since the step first asked this. */
  elapsed(what: string): number {
    const since = this.#since.get(what) ?? now();
    this.#since.set(what, since);
    return (now() - since) / 1000;
  }

  /** The value that was first given for this. */
  keep(what: string, value: number): number {
    const kept = this.#kept.get(what) ?? value;
    this.#kept.set(what, kept);
    return kept;
  }

  /** `elapsed` and `keep` begin again. */
  forget(what: string): void {
    this.#kept.delete(what);
    this.#since.delete(what);
  }
}
