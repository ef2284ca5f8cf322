import type { Timings } from './timings.ts';

/** Weights of the newest sample, RFC 6298 section 2.3. */
const smoothing = 1 / 8;
const variationSmoothing = 1 / 4;
/** After how many deviations a response counts as lost, RFC 6298 section 2.3. */
const deviations = 4;

/** Estimates a BMC's latency as RFC 6298 does for TCP, and from it the timeout of the next request. */
export class Latency {
  #smoothed: number | undefined;
  #variation = 0;
  /** The timeout after which the last response needed a retry: kept until an unambiguous sample, section 5.7. */
  #backedOff = 0;

  /** Smoothed, in milliseconds; undefined before the first response. */
  get milliseconds(): number | undefined {
    return this.#smoothed;
  }

  /** Response to a request that was sent once: only then the packet it answers is known (Karn's rule, section 3). */
  answered(milliseconds: number): void {
    this.#backedOff = 0;
    if (this.#smoothed === undefined) {
      this.#smoothed = milliseconds;
      this.#variation = milliseconds / 2;
      return;
    }
    this.#variation += variationSmoothing * (Math.abs(this.#smoothed - milliseconds) - this.#variation);
    this.#smoothed += smoothing * (milliseconds - this.#smoothed);
  }

  repeated(wait: number): void {
    this.#backedOff = wait;
  }

  firstWait({ firstWait, shortestWait, longestWait }: Timings): number {
    const learned = this.#smoothed === undefined ? firstWait : this.#smoothed + deviations * this.#variation;
    const least = Math.min(shortestWait, firstWait);
    return Math.min(longestWait, Math.max(least, learned, this.#backedOff));
  }
}
