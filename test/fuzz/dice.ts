/** Reproducible random numbers, so that a failure can be repeated. */

/** @returns an integer from 0 to `below - 1`; 0 if there is no choice */
export type Roll = (below: number) => number;

/** Mulberry32. */
export function dice(seed: number): Roll {
  let state = seed | 0;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

/** A hash of a name and further numbers (FNV-1a), so that each input has its own dice. */
export function seedOf(name: string, ...numbers: readonly number[]): number {
  let hash = 0x811c9dc5;
  for (const char of `${name}/${numbers.join('/')}`) hash = Math.imul(hash ^ char.charCodeAt(0), 0x01000193);
  return hash >>> 0;
}

export function pick<T>(items: readonly T[], roll: Roll): T {
  return items[roll(items.length)] as T;
}
