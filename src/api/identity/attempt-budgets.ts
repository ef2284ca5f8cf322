/** How often something may fail: a burst, and then one more every so often. Memory is bounded, and nothing is evicted. */
import { createHmac, randomBytes } from 'node:crypto';

export type Limit = { readonly burst: number; readonly everyMs: number };

/** `wholeAt`: when nothing of its budget is spent any more. */
type Account = { wholeAt: number; running: number };

/** Slots for keys that anybody can make up. More come free per second than secrets can be checked, so they never fill. */
const slots = 16_384;
/** Beyond so many, accounts that are whole again are forgotten. */
const sweepAt = 2 * slots;

export class AttemptBudgets {
  readonly #limit: Limit;
  readonly #now: () => number;
  readonly #accounts = new Map<string, Account>();
  #sweepAt = sweepAt;

  /** @param now milliseconds of a clock that is never set */
  constructor(limit: Limit, now: () => number = () => performance.now()) {
    this.#limit = limit;
    this.#now = now;
  }

  get size(): number {
    return this.#accounts.size;
  }

  /** Milliseconds until one more attempt is allowed; `isOpen` where one that is running may still give its own back. */
  wait(key: string): { ms: number; isOpen: boolean } {
    const account = this.#accounts.get(key);
    if (!account) return { ms: 0, isOpen: false };
    const { burst, everyMs } = this.#limit;
    return { ms: Math.max(account.wholeAt - this.#now() - (burst - 1) * everyMs, 0), isOpen: account.running > 0 };
  }

  /** An attempt begins, and counts until it is known to have been right. */
  take(key: string): void {
    if (this.#accounts.size >= this.#sweepAt) this.#sweep();
    const { wholeAt, running } = this.#accounts.get(key) ?? { wholeAt: 0, running: 0 };
    this.#accounts.set(key, { wholeAt: Math.max(wholeAt, this.#now()) + this.#limit.everyMs, running: running + 1 });
  }

  settle(key: string, wasRight: boolean): void {
    const account = this.#accounts.get(key);
    if (!account) return;
    account.running -= 1;
    if (wasRight) account.wholeAt -= this.#limit.everyMs;
    if (this.#isWhole(account)) this.#accounts.delete(key);
  }

  #isWhole({ wholeAt, running }: Account): boolean {
    return running <= 0 && wholeAt <= this.#now();
  }

  #sweep(): void {
    for (const [key, account] of this.#accounts) if (this.#isWhole(account)) this.#accounts.delete(key);
    // Real users alone are counted by exact keys: where there are that many, sweeping at each attempt would be work in vain.
    this.#sweepAt = Math.max(sweepAt, 2 * this.#accounts.size);
  }
}

/** Puts what strangers can make up (names, addresses) into a bounded number of slots that nobody can aim at. */
export function createSlots(): (text: string) => string {
  const key = randomBytes(32);
  return (text) => `#${createHmac('sha256', key).update(text).digest().readUInt32LE() % slots}`;
}
