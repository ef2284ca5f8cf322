import type { Timings } from './timings.ts';

/** Weights of the newest answer, RFC 6298 section 2.3. */
const smoothing = 1 / 8;
const variationSmoothing = 1 / 4;
/** How many deviations an answer may be late before it counts as lost, RFC 6298 section 2.3. */
const deviations = 4;

/** How fast a BMC answers, learned as RFC 6298 does for TCP, and how long to wait for its next answer. */
export class Latency {
  #smoothed: number | undefined;
  #variation = 0;
  /** The wait after which the last answer came only on a repeat: kept until an answer is clear again, section 5.7. */
  #backedOff = 0;

  /** Milliseconds, smoothed; undefined before the first answer. */
  get milliseconds(): number | undefined {
    return this.#smoothed;
  }

  /** An answer to a question that was sent once: only then is it known which packet it answers (Karn's rule, section 3). */
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
