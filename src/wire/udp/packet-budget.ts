/**
 * How fast packets may leave, all BMCs together: a token bucket, first come first served. What has to wait is built and
 * timed only when its turn comes, so that a queue here never looks like a slow BMC.
 */
export class PacketBudget {
  /** Undefined = without limit. */
  readonly #perMillisecond: number | undefined;
  readonly #burst: number;
  readonly #queue: (Turn | undefined)[] = [];
  #head = 0;
  #tokens: number;
  #countedAt = performance.now();
  #timer: NodeJS.Timeout | undefined;

  /** @param perSecond packets; 0 = without limit */
  constructor(perSecond: number) {
    this.#perMillisecond = perSecond === 0 ? undefined : perSecond / 1000;
    // What may leave at once after a pause: a tenth of a second's worth, within what receive buffers hold.
    this.#burst = Math.min(256, Math.max(1, perSecond / 10));
    this.#tokens = this.#burst;
  }

  get waiting(): number {
    return this.#queue.length - this.#head;
  }

  /** Calls `go` at once or when its turn comes. @returns how to withdraw it, where it has to wait */
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
