/** How often requests of machines may enter the record: anybody on the wire can send them, and it is kept for ever. */
const windowMs = 60_000;
const mostPerWindow = 60;

export class Strangers {
  readonly #most: number;
  readonly #now: () => number;
  #windowStart = Number.NEGATIVE_INFINITY;
  #count = 0;

  /**
   * @param most in one window of a minute
   * @param now milliseconds that only rise
   */
  constructor(most: number = mostPerWindow, now: () => number = () => performance.now()) {
    this.#most = most;
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
    return this.#count <= this.#most;
  }
}

/**
 * What one machine may add in a minute: a boot brings some hundred lines, a ramdisk in trouble some thousand. The machine
 * may be run by a tenant.
 */
const mostOfOneMachine = 3000;

export class MachineBudgets {
  readonly #budgets = new Map<string, Strangers>();

  admit(nodeUuid: string): boolean {
    const budget = this.#budgets.get(nodeUuid) ?? new Strangers(mostOfOneMachine);
    this.#budgets.set(nodeUuid, budget);
    return budget.admit();
  }
}
