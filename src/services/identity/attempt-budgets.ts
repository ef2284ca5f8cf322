/** Rate limits for failed attempts: a burst, then one more per interval. Memory is bounded, and nothing is evicted. */
import { createHmac, hkdfSync } from 'node:crypto';

export type Limit = { readonly burst: number; readonly everyMs: number };

/** `wholeAt`: when its budget is fully restored. */
type Account = { wholeAt: number; running: number };

/** Slots for keys that a client can invent. More come free per second than secrets are checked: they never fill. */
const slots = 16_384;
/** Above this number, accounts with a restored budget are removed. */
const sweepAt = 2 * slots;

export class AttemptBudgets {
  readonly #limit: Limit;
  readonly #now: () => number;
  readonly #accounts = new Map<string, Account>();
  #sweepAt = sweepAt;

  /** @param now monotonic milliseconds */
  constructor(limit: Limit, now: () => number = () => performance.now()) {
    this.#limit = limit;
    this.#now = now;
  }

  get size(): number {
    return this.#accounts.size;
  }

  /** Milliseconds until one more attempt is allowed; `isOpen` if a running attempt may still return its budget. */
  wait(key: string): { ms: number; isOpen: boolean } {
    const account = this.#accounts.get(key);
    if (!account) return { ms: 0, isOpen: false };
    const { burst, everyMs } = this.#limit;
    return { ms: Math.max(account.wholeAt - this.#now() - (burst - 1) * everyMs, 0), isOpen: account.running > 0 };
  }

  /** Starts an attempt, which counts until it is known to have succeeded. */
  take(key: string): void {
    if (this.#accounts.size >= this.#sweepAt) this.#sweep();
    const { wholeAt, running } = this.#accounts.get(key) ?? { wholeAt: 0, running: 0 };
    this.#accounts.set(key, { wholeAt: Math.max(wholeAt, this.#now()) + this.#limit.everyMs, running: running + 1 });
  }

  /** Milliseconds until all failures of the key are forgotten; attempts that are running do not count. */
  owed(key: string): number {
    const { wholeAt, running } = this.#accounts.get(key) ?? { wholeAt: 0, running: 0 };
    return Math.max(wholeAt - running * this.#limit.everyMs - this.#now(), 0);
  }

  /** Counts failures of an earlier process, which are forgotten after `ms`: at most as long as a full burst is. */
  restore(key: string, ms: number): void {
    const { burst, everyMs } = this.#limit;
    if (ms > 0) this.#accounts.set(key, { wholeAt: this.#now() + Math.min(ms, burst * everyMs), running: 0 });
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
    // Only real users have exact keys: if there are that many, sweeping at each attempt would be useless work.
    this.#sweepAt = Math.max(sweepAt, 2 * this.#accounts.size);
  }
}

/**
 * Maps untrusted keys (names, addresses) to a bounded number of slots, by a hash that clients cannot predict.
 * @param secret permanent, so that a slot means the same after a restart
 */
export function createSlots(secret: Buffer): (text: string) => string {
  const key = Buffer.from(hkdfSync('sha256', secret, '', 'ingot login slots', 32));
  return (text) => `#${createHmac('sha256', key).update(text).digest().readUInt32LE() % slots}`;
}
