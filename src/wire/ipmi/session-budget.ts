import { type Budget, type Timings, within } from './timings.ts';

/** Whoever has a session that may rest. */
export type SessionHolder = {
  /** When the session was last used for somebody (not only kept alive), as `performance.now()` counts. */
  readonly usedAt: number;
  /** Closes the session; calls `SessionBudget.release` in the end. */
  hangUp(): void;
  /** Makes the BMC hear of the session; the holder then rests again. */
  keepAlive(): void;
};

export type SessionStats = {
  readonly limit: number;
  readonly open: number;
  readonly resting: number;
  readonly waiting: number;
};

/**
 * The sessions of all BMCs together: no more than `limit` at once, those at rest kept alive for as long as somebody uses
 * them now and then. One timer serves all, for those at rest are in the order in which they were last heard.
 */
export class SessionBudget {
  readonly #limit: number;
  readonly #timings: Timings;
  readonly #resting = new Map<SessionHolder, number>();
  readonly #waiting: (() => void)[] = [];
  #open = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param limit sessions at once; 0 = as many as there are BMCs */
  constructor(limit: number, timings: Timings) {
    this.#limit = limit || Number.POSITIVE_INFINITY;
    this.#timings = timings;
  }

  get stats(): SessionStats {
    return { limit: this.#limit, open: this.#open, resting: this.#resting.size, waiting: this.#waiting.length };
  }

  /** Before a session is opened: the one that was unused for longest makes room. @throws `full()`, or the reason of an end */
  async acquire(budget: Budget, full: () => Error): Promise<void> {
    if (this.#open < this.#limit) {
      this.#open += 1;
      return;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push(resolve);
    this.#leastUsed()?.hangUp();
    try {
      await within(promise, budget, full);
    } catch (error) {
      const at = this.#waiting.indexOf(resolve);
      // It may have been given the place in the very moment it gave up.
      if (at >= 0) this.#waiting.splice(at, 1);
      else this.release();
      throw error;
    }
  }

  /** After a session has ended, or could not be opened. */
  release(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#open -= 1;
  }

  rest(holder: SessionHolder): void {
    if (this.#waiting.length > 0) {
      holder.hangUp();
      return;
    }
    this.#resting.delete(holder);
    this.#resting.set(holder, performance.now());
    if (!this.#timer) this.#arm();
  }

  wake(holder: SessionHolder): void {
    this.#resting.delete(holder);
  }

  /** Nothing is kept alive any more. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#resting.clear();
  }

  #leastUsed(): SessionHolder | undefined {
    let least: SessionHolder | undefined;
    for (const holder of this.#resting.keys()) if (!least || holder.usedAt < least.usedAt) least = holder;
    if (least) this.#resting.delete(least);
    return least;
  }

  /** Each holder's turn: it is kept alive, or closed because nobody needs it. */
  #tend(): void {
    this.#timer = undefined;
    const now = performance.now();
    const { idle } = this.#timings;
    for (const [holder, since] of this.#resting) {
      if (since + this.#restMs > now) break;
      this.#resting.delete(holder);
      if (holder.usedAt + idle <= now) holder.hangUp();
      else holder.keepAlive();
    }
    this.#arm();
  }

  #arm(): void {
    for (const since of this.#resting.values()) {
      this.#timer = setTimeout(() => this.#tend(), Math.max(1, since + this.#restMs - performance.now()));
      // A session at rest is no reason to keep the process.
      this.#timer.unref();
      return;
    }
  }

  get #restMs(): number {
    return Math.min(this.#timings.keepAlive, this.#timings.idle);
  }
}
