/** All in milliseconds. */
export type Timings = {
  /** From the first send to the second; then longer by `growth` each time, up to `longestWait`. */
  readonly firstWait: number;
  readonly growth: number;
  readonly longestWait: number;
  /** For a whole request: queueing, opening a session, retries. */
  readonly deadline: number;
  /** How long the answer to a command is waited for that must not be sent twice. */
  readonly singleWait: number;
  /** A session last heard longer ago is tried with a harmless command before one that must not be sent twice. */
  readonly trusted: number;
  /** A session unused for so long is closed. BMCs drop theirs after 60 s, IPMI 2.0 rev 1.1 section 6.12.15. */
  readonly idle: number;
};

export const defaultTimings: Timings = {
  firstWait: 1_000,
  growth: 1.5,
  longestWait: 4_000,
  deadline: 15_000,
  singleWait: 5_000,
  trusted: 5_000,
  idle: 30_000,
};

/** Time and packets spent on one request, and the wish to end it early. */
export class Budget {
  readonly signal: AbortSignal | undefined;
  attempts = 0;
  readonly #startedAt = performance.now();
  readonly #allowed: number;

  constructor(allowed: number, signal?: AbortSignal) {
    this.#allowed = allowed;
    this.signal = signal;
  }

  get left(): number {
    return Math.max(0, this.#allowed - this.spent);
  }

  get spent(): number {
    return performance.now() - this.#startedAt;
  }
}
