/** All in milliseconds. */
export type Timings = {
  /** From the first send to the second while nothing is known of this BMC; then longer by `growth` each time, up to `longestWait`. */
  readonly firstWait: number;
  /** The first wait that a quick BMC earns is no shorter. */
  readonly shortestWait: number;
  readonly growth: number;
  readonly longestWait: number;
  /** For a whole request: queueing, opening a session, retries. Three times as long where the BMC does answer, but slowly. */
  readonly deadline: number;
  /**
   * The same for who waits with patience while a BMC has no free session: longer than the 60 s ± 3 s after which it
   * drops those that a killed process left there, IPMI 2.0 rev 1.1 section 6.12.15.
   */
  readonly patience: number;
  /** How long the answer to a command is waited for that must not be sent twice. */
  readonly singleWait: number;
  /** A session last heard longer ago is tried with a harmless command before one that must not be sent twice. */
  readonly trusted: number;
  /** A session unheard for so long is kept alive with a harmless command: less than 57 s, section 6.12.15 again. */
  readonly keepAlive: number;
  /** A session unused for so long is closed: more than two looks a minute apart, of which one may be late. */
  readonly idle: number;
};

export const defaultTimings: Timings = {
  firstWait: 1_000,
  shortestWait: 300,
  growth: 1.5,
  longestWait: 4_000,
  deadline: 15_000,
  patience: 80_000,
  singleWait: 5_000,
  trusted: 5_000,
  keepAlive: 50_000,
  idle: 130_000,
};

/** Spreads repeats, so that what was lost together is not sent again together. */
export function jittered(wait: number): number {
  return wait * (0.9 + Math.random() * 0.2);
}

export type BudgetOptions = {
  readonly signal?: AbortSignal | undefined;
  /** May the time be extended where a BMC asks for patience? */
  readonly patient?: boolean;
};

/** However often it answers, a request takes no longer than so many times what it was granted at first. */
const mostGrants = 3;

/** Time and packets spent on one request, and the wish to end it early. Whoever made it calls `release`. */
export class Budget {
  readonly patient: boolean;
  attempts = 0;
  /** Called once when the request is to end early. One wait at a time: a request does one thing after the other. */
  onEnd: (() => void) | undefined;
  readonly #signal: AbortSignal | undefined;
  readonly #startedAt = performance.now();
  readonly #granted: number;
  #allowed: number;
  #end: { readonly reason: unknown } | undefined;
  readonly #abort = () => this.end(this.#signal?.reason);

  constructor(allowed: number, { signal, patient = false }: BudgetOptions = {}) {
    this.#granted = allowed;
    this.#allowed = allowed;
    this.patient = patient;
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

  /** What is left of the time granted at first, for waits that no answer makes more worthwhile. */
  get leftAtFirst(): number {
    return Math.max(0, this.#granted - this.spent);
  }

  get reason(): unknown {
    return this.#end?.reason;
  }

  /**
   * The BMC has answered, so it is worth waiting for: from now on it has as long again, within bounds. A slow one needs
   * seven answers for a new session, and begins again when one of them is lost.
   */
  answered(): void {
    this.extend(Math.min(this.spent + this.#granted, this.#granted * mostGrants));
  }

  /** At least so long in all. */
  extend(allowed: number): void {
    this.#allowed = Math.max(this.#allowed, allowed);
  }

  throwIfEnded(): void {
    if (this.#end) throw this.#end.reason;
  }

  end(reason: unknown): void {
    if (this.#end) return;
    this.#end = { reason };
    const told = this.onEnd;
    this.onEnd = undefined;
    told?.();
  }

  release(): void {
    this.#signal?.removeEventListener('abort', this.#abort);
  }
}

/** Ends early with the time that is left, or by throwing the reason of an end. */
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

/** For what can't be ended itself. @throws the reason of an end, or `overdue()` */
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
