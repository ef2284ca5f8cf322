/**
 * Who may be looked at now: a number of places, and rules by which BMCs that do not answer, each of which holds its
 * place until its deadline, cannot keep the others waiting.
 */

type Held = { isSlow: boolean; timer?: NodeJS.Timeout };

/** Sound BMCs have answered by then (milliseconds). */
const slowMs = 3000;
/** Slow ones for each place: with a third of ten thousand BMCs gone at once, the others are still looked at in time. */
const slowForEach = 2;

export type PollClass = 'healthy' | 'degraded';

export class PollSlots {
  readonly #most: number;
  readonly #changed: () => void;
  readonly #slowMs: number;
  readonly #held: Record<PollClass, Map<string, Held>> = { healthy: new Map(), degraded: new Map() };
  #slow = 0;

  /** @param changed there may be a place again */
  constructor(most: number, changed: () => void, slow = slowMs) {
    this.#most = Math.max(most, 1);
    this.#changed = changed;
    this.#slowMs = slow;
  }

  has(uuid: string): boolean {
    return this.#held.healthy.has(uuid) || this.#held.degraded.has(uuid);
  }

  /**
   * Those that answered last time have all places, and whoever is slow gives its place on, as long as no more than twice
   * that number are slow; those that did not answer last time share as many places as one half of them.
   */
  free(pollClass: PollClass): number {
    if (pollClass === 'degraded') return Math.max(Math.ceil(this.#most / 2) - this.#held.degraded.size, 0);
    return Math.max(this.#most - (this.#held.healthy.size - this.#slow), 0);
  }

  take(uuid: string, pollClass: PollClass): void {
    const held: Held = { isSlow: false };
    if (pollClass === 'healthy') held.timer = setTimeout(() => this.#slowDown(held), this.#slowMs).unref();
    this.#held[pollClass].set(uuid, held);
  }

  release(uuid: string): void {
    for (const pollClass of [this.#held.healthy, this.#held.degraded]) {
      const held = pollClass.get(uuid);
      if (!held) continue;
      clearTimeout(held.timer);
      if (held.isSlow) this.#slow -= 1;
      pollClass.delete(uuid);
    }
    this.#changed();
  }

  #slowDown(held: Held): void {
    if (this.#slow >= slowForEach * this.#most) return;
    held.isSlow = true;
    this.#slow += 1;
    this.#changed();
  }
}
