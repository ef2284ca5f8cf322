/**
 * Checks every password and application credential secret. Attempts are counted before the secret is hashed, and
 * refunded if it was right; per account and per address, so that neither many addresses nor many accounts help
 * guessing. An address from which the user has logged in before has its own budget, so that attackers cannot lock the
 * user out.
 */
import { Fault } from '#domain/faults.ts';
import type { Store } from '#store/store.ts';
import { createSlots } from './attempt-budgets.ts';
import { FailedLogins } from './failed-logins.ts';
import { HashQueue } from './hash-queue.ts';
import { type LoginBudgets, loginBudgets, type Spending } from './login-limits.ts';
import { checkPassword, hashPassword } from './passwords.ts';
import { RecentSecrets } from './recent-secrets.ts';

const dayMs = 24 * 3600 * 1000;
const knownMs = 30 * dayMs;
/** Limits how often a known address's row is updated. */
const refreshMs = 3600 * 1000;
const addressesEach = 32;
/** To a directory. */
const questionsAtOnce = 8;

export type Attempt = {
  /** Id of the user or application credential; if none exists, the requested name. */
  readonly account: string;
  /** The user; undefined if none exists. */
  readonly user_id: string | undefined;
  readonly secret: string;
  /** undefined = no secret matches. */
  readonly hash?: string | undefined;
  /** What decides in place of the hash, for secrets that are not kept as one. */
  readonly test?: (secret: string) => boolean | Promise<boolean>;
  /** Whether another machine is asked: whoever waits for it does not delay the others. */
  readonly isElsewhere?: boolean;
};

/** The requester of a login, as the limits count it. */
export type LoginClient = {
  /** Its network (`api/http/client-address.ts`). */
  readonly address: string;
  readonly log: { warn(fields: object, message: string): void };
  /** Whether it has disconnected. */
  isGone(): boolean;
};

export type LoginGuardOptions = {
  /** The same at each start. */
  readonly secret: Buffer;
  /** Monotonic milliseconds. */
  readonly now?: (() => number) | undefined;
  /** Tests count its calls. */
  readonly check?: typeof checkPassword;
};

export class LoginGuard {
  readonly #store: Store;
  readonly #queue = new HashQueue();
  readonly #questions = new HashQueue(questionsAtOnce);
  readonly #slotOf: (text: string) => string;
  readonly #budgets: LoginBudgets;
  readonly #failed: FailedLogins;
  readonly #recent: RecentSecrets;
  readonly #checkPassword: typeof checkPassword;

  constructor(store: Store, { secret, now, check = checkPassword }: LoginGuardOptions) {
    this.#store = store;
    this.#slotOf = createSlots(secret);
    this.#budgets = loginBudgets(now);
    this.#failed = new FailedLogins(store, this.#budgets);
    this.#checkPassword = check;
    this.#recent = new RecentSecrets(now && { clock: now });
  }

  /** @throws Fault `unauthorized` if the secret is wrong, `tooManyRequests` if it was not checked */
  async check(client: LoginClient, attempt: Attempt): Promise<void> {
    const { address } = client;
    await this.#failed.read();
    const seenAt = await this.#seenAt(attempt.user_id, address);
    const isKnown = Date.now() - seenAt < knownMs;
    const spending = this.#spending(attempt, address, isKnown);
    refuseSpent(this.#budgets, spending);
    const isRight = await (attempt.isElsewhere ? this.#questions : this.#queue).run({
      ...{ address, isKnown, isAborted: () => client.isGone(), admit: () => admit(this.#budgets, spending) },
      work: () => this.#checkAndSettle(attempt, spending),
    });
    if (!isRight) {
      // No user names: people type passwords there.
      client.log.warn({ user_id: attempt.user_id, address }, 'wrong password or secret');
      await this.#failed
        .write(spending)
        .catch((error: unknown) => client.log.warn({ err: error }, 'a failed login is counted only until Ingot ends'));
      throw new Fault('unauthorized');
    }
    if (attempt.user_id && Date.now() - seenAt > refreshMs) await this.#remember(attempt.user_id, address);
  }

  /** Hashes a new secret, queued with the logins. */
  hash({ address }: LoginClient, secret: string): Promise<string> {
    return this.#queue.run({ address, isKnown: true, work: () => hashPassword(secret) });
  }

  /** Whether a hash is of this secret, for clients that have logged in: not counted as an attempt. */
  isSame({ address }: LoginClient, secret: string, hash: string): Promise<boolean> {
    return this.#queue.run({ address, isKnown: true, work: () => checkPassword(secret, hash) });
  }

  async #checkAndSettle({ secret, hash, test }: Attempt, spending: Spending): Promise<boolean> {
    // What could not be checked was no guess.
    let isRefunded = true;
    try {
      isRefunded = await (test ? test(secret) : this.#checkHash(secret, hash));
      return isRefunded;
    } finally {
      for (const [kind, key] of spending) this.#budgets[kind].settle(key, isRefunded);
    }
  }

  /** In a turn of the queue like all checks: what is known from a moment ago must not be guessed faster. */
  async #checkHash(secret: string, hash: string | undefined): Promise<boolean> {
    if (hash && this.#recent.has(secret, hash)) return true;
    const isRight = await this.#checkPassword(secret, hash);
    if (isRight && hash) this.#recent.add(secret, hash);
    return isRight;
  }

  /** Nonexistent names are counted as well, or the response would reveal which exist. */
  #spending({ account, user_id }: Attempt, address: string, isKnown: boolean): Spending {
    if (isKnown) return [['known', `${account} ${address}`]];
    return [
      ['pair', this.#slotOf(`${account} ${address}`)],
      ['account', user_id === undefined ? this.#slotOf(account) : account],
      ['address', this.#slotOf(address)],
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

/** Counts the attempt. False if it must wait for another one of the same account or address to end. */
function admit(budgets: LoginBudgets, spending: Spending): boolean {
  if (!refuseSpent(budgets, spending)) return false;
  for (const [kind, key] of spending) budgets[kind].take(key);
  return true;
}

/** @returns whether an attempt is allowed now; throws if none will be for some time */
function refuseSpent(budgets: LoginBudgets, spending: Spending): boolean {
  const waits = spending.map(([kind, key]) => budgets[kind].wait(key));
  const longest = Math.max(...waits.filter(({ isOpen }) => !isOpen).map(({ ms }) => ms), 0);
  if (longest > 0) throw new Fault('tooManyRequests', { what: 'failed logins', seconds: Math.ceil(longest / 1000) });
  return waits.every(({ ms }) => ms === 0);
}
