import { type Budget, type Timings, within } from './timings.ts';

/** Owner of a session that may become idle. */
export type SessionHolder = {
  /** When a request last used the session (keep-alives do not count), in `performance.now()` time. */
  readonly usedAt: number;
  /** Closes the session, then calls `SessionBudget.release`. */
  hangUp(): void;
  /** Sends a keep-alive; the holder then calls `rest` again. */
  keepAlive(): void;
};

export type SessionStats = {
  readonly limit: number;
  readonly open: number;
  readonly resting: number;
  readonly waiting: number;
};

/**
 * Limits the sessions of all BMCs together to `limit`, and keeps idle ones alive as long as requests use them now and
 * then. One timer is enough, because the idle sessions are ordered by their last response.
 */
export class SessionBudget {
  readonly #limit: number;
  readonly #timings: Timings;
  readonly #resting = new Map<SessionHolder, number>();
  readonly #waiting: (() => void)[] = [];
  #open = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param limit concurrent sessions; 0 = one for each BMC */
  constructor(limit: number, timings: Timings) {
    this.#limit = limit || Number.POSITIVE_INFINITY;
    this.#timings = timings;
  }

  get stats(): SessionStats {
    return { limit: this.#limit, open: this.#open, resting: this.#resting.size, waiting: this.#waiting.length };
  }

  /**
   * Called before a session is opened: closes the least recently used idle session to make room.
   * @throws `full()`, or the reason of an abort
   */
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
      // It may have been granted a session at the moment it gave up.
      if (at >= 0) this.#waiting.splice(at, 1);
      else this.release();
      throw error;
    }
  }

  /** Called after a session has been closed or could not be opened. */
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

  /** Stops all keep-alives. */
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

  /** Sends a keep-alive for each holder that is due, or closes its session if it is unused. */
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
      // An idle session must not keep the process alive.
      this.#timer.unref();
      return;
    }
  }

  get #restMs(): number {
    return Math.min(this.#timings.keepAlive, this.#timings.idle);
  }
}
