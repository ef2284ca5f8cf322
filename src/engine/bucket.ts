const minuteMs = 60_000;

/** A token bucket that is filled once a minute: `burst` at first and at most, `perMinute` with each minute that passes. */
export class Bucket {
  readonly #burst: number;
  readonly #perMinute: number;
  readonly #now: () => number;
  #left: number;
  #filledAt: number;

  /** @param now milliseconds that only rise */
  constructor(burst: number, perMinute: number, now: () => number = () => performance.now()) {
    this.#burst = burst;
    this.#perMinute = perMinute;
    this.#now = now;
    this.#left = burst;
    this.#filledAt = now();
  }

  /** Whether there was so much left; if not, nothing is taken. */
  take(amount: number): boolean {
    const minutes = Math.floor((this.#now() - this.#filledAt) / minuteMs);
    if (minutes > 0) {
      this.#filledAt += minutes * minuteMs;
      this.#left = Math.min(this.#burst, this.#left + minutes * this.#perMinute);
    }
    if (this.#left < amount) return false;
    this.#left -= amount;
    return true;
  }
}
