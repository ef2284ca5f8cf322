/** All in milliseconds. */
export type Timings = {
  /** First wait before a retry while the BMC's latency is unknown; grows by `growth` each time, up to `longestWait`. */
  readonly firstWait: number;
  /** Minimum of the first wait, even for a fast BMC. */
  readonly shortestWait: number;
  readonly growth: number;
  readonly longestWait: number;
  /** Deadline of a request: queueing, session setup, retries. Up to three times as long if the BMC responds slowly. */
  readonly deadline: number;
  /**
   * Deadline of requests that wait while a BMC has no free session: longer than the 60 s ± 3 s after which it drops
   * sessions left by a killed process, IPMI 2.0 rev 1.1 section 6.12.15.
   */
  readonly sessionWait: number;
  /** Response timeout of a command that must not be sent twice. */
  readonly singleWait: number;
  /**
   * If the last response in a session is older, a harmless command checks the session before a command that must not
   * be sent twice.
   */
  readonly trusted: number;
  /** After this time without a response, a harmless command keeps the session alive: below 57 s, section 6.12.15. */
  readonly keepAlive: number;
  /** An unused session is closed after this time: more than two polls a minute apart, of which one may be late. */
  readonly idle: number;
};

export const defaultTimings: Timings = {
  firstWait: 1_000,
  shortestWait: 300,
  growth: 1.5,
  longestWait: 4_000,
  deadline: 15_000,
  sessionWait: 80_000,
  singleWait: 5_000,
  trusted: 5_000,
  keepAlive: 50_000,
  idle: 130_000,
};

/** Adds jitter, so that packets lost together are not resent together. */
export function jittered(wait: number): number {
  return wait * (0.9 + Math.random() * 0.2);
}

export type BudgetOptions = {
  readonly signal?: AbortSignal | undefined;
  /** Whether the deadline may be extended while the BMC has no free session. */
  readonly waitsForSession?: boolean;
};

/** Maximum time of a request as a multiple of its initial budget, however often the BMC responds. */
const mostGrants = 3;

/** Time and packets spent on one request, and its cancellation. The creator calls `release`. */
export class Budget {
  readonly waitsForSession: boolean;
  attempts = 0;
  /** Called once on cancellation. Holds one wait at a time, because a request runs sequentially. */
  onEnd: (() => void) | undefined;
  readonly #signal: AbortSignal | undefined;
  readonly #startedAt = performance.now();
  readonly #granted: number;
  #allowed: number;
  #end: { readonly reason: unknown } | undefined;
  readonly #abort = () => this.end(this.#signal?.reason);

  constructor(allowed: number, { signal, waitsForSession = false }: BudgetOptions = {}) {
    this.#granted = allowed;
    this.#allowed = allowed;
    this.waitsForSession = waitsForSession;
    this.#signal = signal;
    if (signal?.aborted) this.#end = { reason: signal.reason };
    else signal?.addEventListener('abort', this.#abort, { once: true });
  }

  get left(): number {
    return Math.max(0, this.#allowed - this.spent);
  }

  get spent(): number {
    return performance.now() - this.#startedAt;
  }

  /** Rest of the initial budget, for waits that no response may extend. */
  get leftAtFirst(): number {
    return Math.max(0, this.#granted - this.spent);
  }

  get reason(): unknown {
    return this.#end?.reason;
  }

  /**
   * The BMC has responded, so waiting is worthwhile: grant the initial time again, within bounds. A new session takes
   * seven responses of a slow BMC, and starts again if one of them is lost.
   */
  answered(): void {
    this.extend(Math.min(this.spent + this.#granted, this.#granted * mostGrants));
  }

  /** Extends the total time to at least this. */
  extend(allowed: number): void {
    this.#allowed = Math.max(this.#allowed, allowed);
  }

  throwIfEnded(): void {
    if (this.#end) throw this.#end.reason;
  }

  end(reason: unknown): void {
    if (this.#end) return;
    this.#end = { reason };
    const callback = this.onEnd;
    this.onEnd = undefined;
    callback?.();
  }

  release(): void {
    this.#signal?.removeEventListener('abort', this.#abort);
  }
}

/** Resolves early when the budget is used up; throws the reason of an abort. */
export function pause(milliseconds: number, budget: Budget): Promise<void> {
  budget.throwIfEnded();
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => {
        budget.onEnd = undefined;
        resolve();
      },
      Math.min(milliseconds, budget.left),
    );
    budget.onEnd = () => {
      clearTimeout(timer);
      reject(budget.reason);
    };
  });
}

/** For work that cannot be aborted. @throws the reason of an abort, or `overdue()` */
export function within<T>(work: Promise<T>, budget: Budget, overdue: () => Error): Promise<T> {
  budget.throwIfEnded();
  return new Promise((resolve, reject) => {
    const settle = (outcome: () => void) => {
      clearTimeout(timer);
      budget.onEnd = undefined;
      outcome();
    };
    const timer = setTimeout(() => settle(() => reject(overdue())), budget.left);
    budget.onEnd = () => settle(() => reject(budget.reason));
    work.then(
      (value) => settle(() => resolve(value)),
      (error) => settle(() => reject(error)),
    );
  });
}
