/**
 * Who may be looked at now: a number of places, and rules by which BMCs that do not answer, each of which holds its
 * place until its deadline, cannot keep the others waiting.
 */

type Held = { isSlow: boolean; timer?: NodeJS.Timeout };

/** Sound BMCs have answered by then (milliseconds). */
const slowMs = 3000;
/** Slow ones for each place: with a third of ten thousand BMCs gone at once, the others are still looked at in time. */
const slowForEach = 2;

export type Lane = 'sound' | 'suspect';

export class LookPlaces {
  readonly #most: number;
  readonly #changed: () => void;
  readonly #slowMs: number;
  readonly #held: Record<Lane, Map<string, Held>> = { sound: new Map(), suspect: new Map() };
  #slow = 0;

  /** @param changed there may be a place again */
  constructor(most: number, changed: () => void, slow = slowMs) {
    this.#most = Math.max(most, 1);
    this.#changed = changed;
    this.#slowMs = slow;
  }

  has(uuid: string): boolean {
    return this.#held.sound.has(uuid) || this.#held.suspect.has(uuid);
  }

  /**
   * Those that answered last time have all places, and whoever is slow gives its place on, as long as no more than twice
   * that number are slow; those that did not answer last time share as many places as one half of them.
   */
  free(lane: Lane): number {
    if (lane === 'suspect') return Math.max(Math.ceil(this.#most / 2) - this.#held.suspect.size, 0);
    return Math.max(this.#most - (this.#held.sound.size - this.#slow), 0);
  }

  take(uuid: string, lane: Lane): void {
    const held: Held = { isSlow: false };
    if (lane === 'sound') held.timer = setTimeout(() => this.#slowDown(held), this.#slowMs).unref();
    this.#held[lane].set(uuid, held);
  }

  release(uuid: string): void {
    for (const lane of [this.#held.sound, this.#held.suspect]) {
      const held = lane.get(uuid);
      if (!held) continue;
      clearTimeout(held.timer);
      if (held.isSlow) this.#slow -= 1;
      lane.delete(uuid);
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
