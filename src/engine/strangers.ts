/** How often requests that belong to no node may enter the record: anybody on the wire can send them, and it is kept for ever. */
const windowMs = 60_000;
const mostPerWindow = 60;

export class Strangers {
  readonly #now: () => number;
  #windowStart = Number.NEGATIVE_INFINITY;
  #count = 0;

  /** @param now milliseconds that only rise */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Whether one more may be recorded now. */
  admit(): boolean {
    const now = this.#now();
    if (now - this.#windowStart >= windowMs) {
      this.#windowStart = now;
      this.#count = 0;
    }
    this.#count++;
    return this.#count <= mostPerWindow;
  }
}
