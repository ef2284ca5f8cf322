/**
 * Rate limit for outgoing packets, over all BMCs: a token bucket, first come first served. A queued packet is built,
 * and its timeout started, only when it is sent, so that a queue here never looks like a slow BMC.
 */
export class PacketBudget {
  /** Undefined = unlimited. */
  readonly #perMillisecond: number | undefined;
  readonly #burst: number;
  readonly #queue: (Turn | undefined)[] = [];
  #head = 0;
  #tokens: number;
  #countedAt = performance.now();
  #timer: NodeJS.Timeout | undefined;

  /** @param perSecond packets; 0 = unlimited */
  constructor(perSecond: number) {
    this.#perMillisecond = perSecond === 0 ? undefined : perSecond / 1000;
    // Burst after a pause: a tenth of a second's worth, within the capacity of receive buffers.
    this.#burst = Math.min(256, Math.max(1, perSecond / 10));
    this.#tokens = this.#burst;
  }

  get waiting(): number {
    return this.#queue.length - this.#head;
  }

  /** Calls `go` immediately or when its turn comes. @returns a function that withdraws a queued `go` */
  enter(go: () => void): (() => void) | undefined {
    if (this.#perMillisecond === undefined) {
      go();
      return undefined;
    }
    this.#refill(this.#perMillisecond);
    if (this.waiting === 0 && this.#tokens >= 1) {
      this.#tokens -= 1;
      go();
      return undefined;
    }
    const turn: Turn = { go };
    this.#queue.push(turn);
    this.#arm(this.#perMillisecond);
    return () => {
      turn.go = undefined;
    };
  }

  #drain(perMillisecond: number): void {
    this.#timer = undefined;
    this.#refill(perMillisecond);
    while (this.waiting > 0 && this.#tokens >= 1) {
      const turn = this.#queue[this.#head];
      this.#queue[this.#head] = undefined;
      this.#head += 1;
      if (!turn?.go) continue;
      this.#tokens -= 1;
      turn.go();
    }
    if (this.waiting > 0) this.#arm(perMillisecond);
    else {
      this.#queue.length = 0;
      this.#head = 0;
    }
  }

  #arm(perMillisecond: number): void {
    if (this.#timer) return;
    const wait = Math.max(1, Math.ceil((1 - this.#tokens) / perMillisecond));
    this.#timer = setTimeout(() => this.#drain(perMillisecond), wait);
  }

  #refill(perMillisecond: number): void {
    const now = performance.now();
    this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#countedAt) * perMillisecond);
    this.#countedAt = now;
  }
}

type Turn = { go: (() => void) | undefined };
