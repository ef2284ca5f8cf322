/**
 * Checks every password and application credential secret. Attempts are counted before the secret is hashed, and
 * refunded if it was right; per account and per address, so that neither many addresses nor many accounts help
 * guessing. An address from which the user has logged in before has its own budget, so that attackers cannot lock the
 * user out.
 */
import { Fault } from '#domain/faults.ts';
import type { Store } from '#store/store.ts';
import { AttemptBudgets, createSlots, type Limit } from './attempt-budgets.ts';
import { HashQueue } from './hash-queue.ts';
import { checkPassword, hashPassword } from './passwords.ts';

/** Failed attempts. An address has a smaller budget than an account: exhausting an account takes several addresses. */
export const limitTable = {
  /** One account from an address known for its user. */
  known: { burst: 10, everyMs: 30_000 },
  /** One account from one unknown address. */
  pair: { burst: 5, everyMs: 60_000 },
  /** One account from all unknown addresses together. */
  account: { burst: 20, everyMs: 20_000 },
  /** All accounts from one address, except those for which it is known. */
  address: { burst: 30, everyMs: 10_000 },
} as const satisfies Record<string, Limit>;

const dayMs = 24 * 3600 * 1000;
const knownMs = 30 * dayMs;
/** Limits how often a known address's row is updated. */
const refreshMs = 3600 * 1000;
const addressesEach = 32;

export type Attempt = {
  /** Id of the user or application credential; if none exists, the requested name. */
  readonly account: string;
  /** The user; undefined if none exists. */
  readonly user_id: string | undefined;
  readonly secret: string;
  /** undefined = no secret matches. */
  readonly hash: string | undefined;
};

/** The requester of a login, as the limits count it. */
export type LoginClient = {
  /** Its network (`api/http/client-address.ts`). */
  readonly address: string;
  readonly log: { warn(fields: object, message: string): void };
  /** Whether it has disconnected. */
  isGone(): boolean;
};

type Spending = readonly (readonly [AttemptBudgets, string])[];

export class LoginGuard {
  readonly #store: Store;
  readonly #queue = new HashQueue();
  readonly #slotOf = createSlots();
  readonly #known: AttemptBudgets;
  readonly #pairs: AttemptBudgets;
  readonly #accounts: AttemptBudgets;
  readonly #addresses: AttemptBudgets;

  /** @param now monotonic milliseconds */
  constructor(store: Store, now?: () => number) {
    this.#store = store;
    this.#known = new AttemptBudgets(limitTable.known, now);
    this.#pairs = new AttemptBudgets(limitTable.pair, now);
    this.#accounts = new AttemptBudgets(limitTable.account, now);
    this.#addresses = new AttemptBudgets(limitTable.address, now);
  }

  /** @throws Fault `unauthorized` if the secret is wrong, `tooManyRequests` if it was not checked */
  async check(client: LoginClient, attempt: Attempt): Promise<void> {
    const { address } = client;
    const seenAt = await this.#seenAt(attempt.user_id, address);
    const isKnown = Date.now() - seenAt < knownMs;
    const spending = this.#spending(attempt, address, isKnown);
    refuseSpent(spending);
    const isRight = await this.#queue.run({
      ...{ address, isKnown, isAborted: () => client.isGone(), admit: () => admit(spending) },
      work: () => checkAndSettle(attempt, spending),
    });
    if (!isRight) {
      // No user names: people type passwords there.
      client.log.warn({ user_id: attempt.user_id, address }, 'wrong password or secret');
      throw new Fault('unauthorized');
    }
    if (attempt.user_id && Date.now() - seenAt > refreshMs) await this.#remember(attempt.user_id, address);
  }

  /** Hashes a new secret, queued with the logins. */
  hash({ address }: LoginClient, secret: string): Promise<string> {
    return this.#queue.run({ address, isKnown: true, work: () => hashPassword(secret) });
  }

  /** Nonexistent names are counted as well, or the response would reveal which exist. */
  #spending({ account, user_id }: Attempt, address: string, isKnown: boolean): Spending {
    if (isKnown) return [[this.#known, `${account} ${address}`]];
    return [
      [this.#pairs, this.#slotOf(`${account} ${address}`)],
      [this.#accounts, user_id === undefined ? this.#slotOf(account) : account],
      [this.#addresses, this.#slotOf(address)],
    ];
  }

  /** When the user last logged in from this address, in milliseconds; 0 = never. */
  async #seenAt(user_id = '', address: string): Promise<number> {
    const row = await this.#store.login_addresses.find({ user_id, address });
    return row ? Date.parse(row.last_at) : 0;
  }

  async #remember(user_id: string, address: string): Promise<void> {
    await this.#store.transaction(async (trx) => {
      await trx.login_addresses.remove({ user_id, address });
      await trx.login_addresses.insert({ user_id, address, last_at: new Date().toISOString() });
      const all = await trx.login_addresses.list({ user_id }, { orderBy: 'last_at', descending: true });
      const old = all.slice(addressesEach).map((row) => row.address);
      if (old.length > 0) await trx.login_addresses.remove({ user_id, address: old });
    });
  }
}

async function checkAndSettle({ secret, hash }: Attempt, spending: Spending): Promise<boolean> {
  let isRight = false;
  try {
    isRight = await checkPassword(secret, hash);
    return isRight;
  } finally {
    for (const [budgets, key] of spending) budgets.settle(key, isRight);
  }
}

/** Counts the attempt. False if it must wait for another one of the same account or address to end. */
function admit(spending: Spending): boolean {
  if (!refuseSpent(spending)) return false;
  for (const [budgets, key] of spending) budgets.take(key);
  return true;
}

/** @returns whether an attempt is allowed now; throws if none will be for some time */
function refuseSpent(spending: Spending): boolean {
  const waits = spending.map(([budgets, key]) => budgets.wait(key));
  const longest = Math.max(...waits.filter(({ isOpen }) => !isOpen).map(({ ms }) => ms), 0);
  if (longest > 0) throw new Fault('tooManyRequests', { what: 'failed logins', seconds: Math.ceil(longest / 1000) });
  return waits.every(({ ms }) => ms === 0);
}
