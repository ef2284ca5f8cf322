/**
 * Failed logins as rows, so that a restart does not allow further guesses. The budgets in memory decide; they are read
 * once from the rows, and only a failure writes. Rows that no longer limit anything are removed by the next failure.
 */
import { SingleFlight } from '#async/single-flight.ts';
import { LessThan } from '#store/query-parts.ts';
import type { Store } from '#store/store.ts';
import { isLoginLimit, type LoginBudgets, type Spending } from './login-limits.ts';

export class FailedLogins {
  readonly #store: Store;
  readonly #budgets: LoginBudgets;
  readonly #reading = new SingleFlight();
  #isRead = false;

  constructor(store: Store, budgets: LoginBudgets) {
    this.#store = store;
    this.#budgets = budgets;
  }

  /** To be awaited before the budgets are used. */
  async read(): Promise<void> {
    if (!this.#isRead) await this.#reading.run('rows', () => this.#read());
  }

  /** Times are of the wall clock, which may have been set back since: a budget takes no more than a failure can cost. */
  async #read(): Promise<void> {
    const now = Date.now();
    for (const { kind, key, whole_at } of await this.#store.failed_logins.list())
      if (isLoginLimit(kind)) this.#budgets[kind].restore(key, Date.parse(whole_at) - now);
    this.#isRead = true;
  }

  /** Writes what the budgets have counted for these keys. */
  async write(spending: Spending): Promise<void> {
    await this.#store.transaction(async ({ failed_logins }) => {
      const now = Date.now();
      await failed_logins.remove({ whole_at: new LessThan(new Date(now).toISOString()) });
      for (const [kind, key] of spending) {
        const whole_at = new Date(now + this.#budgets[kind].owed(key)).toISOString();
        await failed_logins.upsert(['kind', 'key'], { kind, key, whole_at });
      }
    });
  }
}
