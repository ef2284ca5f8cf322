/** Poll schedule: a heap of due times, one per key; a later `put` replaces the earlier one. */

type Entry = { readonly key: string; readonly at: number };

export class PollSchedule {
  readonly #due = new Map<string, number>();
  readonly #heap: Entry[] = [];

  get size(): number {
    return this.#due.size;
  }

  has(key: string): boolean {
    return this.#due.has(key);
  }

  /** Undefined: not scheduled. */
  dueOf(key: string): number | undefined {
    return this.#due.get(key);
  }

  /** @param at milliseconds, on the caller's clock */
  put(key: string, at: number): void {
    this.#due.set(key, at);
    this.#push({ key, at });
  }

  /** Like `put`, unless the key is already due earlier. */
  putSooner(key: string, at: number): void {
    if (at < (this.#due.get(key) ?? Number.POSITIVE_INFINITY)) this.put(key, at);
  }

  /**
   * No poll was possible between `since` and `now`. Keys that came due meanwhile are shifted and keep their spacing;
   * otherwise they would all be due at once, now and in every later interval.
   */
  makeUp(since: number, now: number): void {
    for (const [key, at] of [...this.#due]) if (at <= now) this.put(key, now + Math.max(at - since, 0));
  }

  remove(key: string): void {
    this.#due.delete(key);
  }

  /** The earliest due time; undefined if nothing is scheduled. */
  next(): number | undefined {
    this.#dropStale();
    return this.#heap[0]?.at;
  }

  /** Removes and returns up to `most` due keys, the longest overdue first. */
  take(now: number, most: number): string[] {
    const taken: string[] = [];
    while (taken.length < most) {
      const at = this.next();
      if (at === undefined || at > now) break;
      const { key } = this.#pop();
      this.#due.delete(key);
      taken.push(key);
    }
    return taken;
  }

  #dropStale(): void {
    while (this.#heap[0] && this.#due.get(this.#heap[0].key) !== this.#heap[0].at) this.#pop();
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let index = heap.length;
    heap.push(entry);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (heap[parent]!.at <= entry.at) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = entry;
  }

  #pop(): Entry {
    const heap = this.#heap;
    const top = heap[0]!;
    const last = heap.pop()!;
    if (heap.length > 0) this.#sink(last);
    return top;
  }

  /** Moves `entry` down from the empty root to its place in the heap. */
  #sink(entry: Entry): void {
    const heap = this.#heap;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1]!.at < heap[child]!.at) child += 1;
      if (heap[child]!.at >= entry.at) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = entry;
  }
}

/** A wake-up costs as much as several polls: with few nodes, the polls of a tenth of the interval are done at once. */
const periods = 10;
/** Polls in a period from which shorter ones are as cheap. */
const enough = 20;
/** Shorter periods gather nothing that one wake-up does not do anyway (milliseconds). */
const shortest = 200;

/** When to poll a node that is due `at`: the beginning of its period, never later. All times in milliseconds. */
export function gatheredWith({ at, nodes, interval }: { at: number; nodes: number; interval: number }): number {
  const halvings = Math.max(Math.ceil(Math.log2(Math.max(nodes, 1) / (periods * enough))), 0);
  const period = interval / periods / 2 ** halvings;
  return period < shortest ? at : Math.floor(at / period) * period;
}
