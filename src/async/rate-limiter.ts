const minuteMs = 60_000;

/** A token bucket: `burst` is the initial amount and the maximum, refilled by `perMinute` each minute. */
export class RateLimiter {
  readonly #burst: number;
  readonly #perMinute: number;
  readonly #now: () => number;
  #left: number;
  #filledAt: number;

  /** @param now monotonic clock in milliseconds */
  constructor(burst: number, perMinute: number, now: () => number = () => performance.now()) {
    this.#burst = burst;
    this.#perMinute = perMinute;
    this.#now = now;
    this.#left = burst;
    this.#filledAt = now();
  }

  /** Takes `amount` if available; otherwise returns false and takes nothing. */
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
