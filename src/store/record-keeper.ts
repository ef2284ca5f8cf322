/** Periodically prunes the event record, in small batches. */
import { pause } from '#async/timers.ts';
import { type Pruned, pruneRecords, type RetentionRules } from './retention.ts';
import type { Store } from './store.ts';

const firstPassMs = 300_000;
const passEveryMs = 3_600_000;
/** Maximum share of time that pruning may use. */
const share = 0.1;

/** Prunes every hour, in the background. */
export class RecordKeeper {
  readonly #store: Store;
  readonly #rules: RetentionRules;
  readonly #report: (result: Pruned | Error) => void;
  readonly #stop = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #passing: Promise<void> = Promise.resolve();

  /** @param told called after every pass that removed something, and after every failed one */
  constructor(store: Store, rules: RetentionRules, report: (result: Pruned | Error) => void) {
    this.#store = store;
    this.#rules = rules;
    this.#report = report;
  }

  /** No effect if records are kept forever. */
  start(firstMs = firstPassMs): void {
    if (this.#rules.days > 0) this.#setTimer(firstMs);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    clearTimeout(this.#timer);
    await this.#passing;
  }

  #setTimer(ms: number): void {
    this.#timer = setTimeout(() => {
      this.#passing = this.#pass().finally(() => {
        if (!this.#stop.signal.aborted) this.#setTimer(passEveryMs);
      });
    }, ms).unref();
  }

  async #pass(): Promise<void> {
    const { signal } = this.#stop;
    const rest = (ms: number) => pause(ms * (1 / share - 1), signal).catch(() => {});
    try {
      const pruned = await pruneRecords(this.#store, this.#rules, { signal, rest });
      if (pruned.operations + pruned.events > 0) this.#report(pruned);
    } catch (error) {
      this.#report(error as Error);
    }
  }
}
