/**
 * Poll slots limit how many polls run at once. BMCs that do not respond hold their slots until the timeout; the rules
 * here keep them from delaying the others.
 */

type Held = { isSlow: boolean; timer?: NodeJS.Timeout };

/** Healthy BMCs respond within this time (milliseconds). */
const slowMs = 3000;
/** Slow polls allowed per slot: with a third of ten thousand BMCs unreachable, the others are still polled in time. */
const slowForEach = 2;

export type PollClass = 'healthy' | 'degraded';

export class PollSlots {
  readonly #most: number;
  readonly #changed: () => void;
  readonly #slowMs: number;
  readonly #held: Record<PollClass, Map<string, Held>> = { healthy: new Map(), degraded: new Map() };
  #slow = 0;

  /** @param changed called when a slot may have become free */
  constructor(most: number, changed: () => void, slow = slowMs) {
    this.#most = Math.max(most, 1);
    this.#changed = changed;
    this.#slowMs = slow;
  }

  has(uuid: string): boolean {
    return this.#held.healthy.has(uuid) || this.#held.degraded.has(uuid);
  }

  /**
   * Healthy BMCs may use all slots; slow polls, up to twice the number of slots, do not count. Degraded BMCs share half
   * as many slots.
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
