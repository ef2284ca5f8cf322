/**
 * How fast packets may leave, all BMCs together: a token bucket, first come first served. What has to wait is built and
 * timed only when its turn comes, so that a queue here never looks like a slow BMC.
 */
export class PacketBudget {
  readonly #perMillisecond: number;
  readonly #burst: number;
  readonly #queue: (Turn | undefined)[] = [];
  #head = 0;
  #tokens: number;
  #countedAt = performance.now();
  #timer: NodeJS.Timeout | undefined;

  /** @param perSecond packets; 0 = without limit */
  constructor(perSecond: number) {
    this.#perMillisecond = (perSecond || Number.POSITIVE_INFINITY) / 1000;
    // What may leave at once after a pause: a tenth of a second's worth, within what receive buffers hold.
    this.#burst = perSecond ? Math.min(256, Math.max(1, perSecond / 10)) : Number.POSITIVE_INFINITY;
    this.#tokens = this.#burst;
  }

  get waiting(): number {
    return this.#queue.length - this.#head;
  }

  /** Calls `go` at once or when its turn comes. @returns how to withdraw it, where it has to wait */
  enter(go: () => void): (() => void) | undefined {
    this.#refill();
    if (this.waiting === 0 && this.#tokens >= 1) {
      this.#tokens -= 1;
      go();
      return undefined;
    }
    const turn: Turn = { go };
    this.#queue.push(turn);
    this.#arm();
    return () => {
      turn.go = undefined;
    };
  }

  #drain(): void {
    this.#timer = undefined;
    this.#refill();
    while (this.waiting > 0 && this.#tokens >= 1) {
      const turn = this.#queue[this.#head];
      this.#queue[this.#head] = undefined;
      this.#head += 1;
      if (!turn?.go) continue;
      this.#tokens -= 1;
      turn.go();
    }
    if (this.waiting > 0) this.#arm();
    else {
      this.#queue.length = 0;
      this.#head = 0;
    }
  }

  #arm(): void {
    if (this.#timer) return;
    const wait = Math.max(1, Math.ceil((1 - this.#tokens) / this.#perMillisecond));
    this.#timer = setTimeout(() => this.#drain(), wait);
  }

  #refill(): void {
    const now = performance.now();
    this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#countedAt) * this.#perMillisecond);
    this.#countedAt = now;
  }
}

type Turn = { go: (() => void) | undefined };
