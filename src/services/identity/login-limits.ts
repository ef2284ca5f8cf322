/** The limits on failed logins: one table, and a budget for each row. */
import { AttemptBudgets, type Limit } from './attempt-budgets.ts';

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

export type LoginLimit = keyof typeof limitTable;
export type LoginBudgets = Readonly<Record<LoginLimit, AttemptBudgets>>;
/** What an attempt is counted against: limits, each with the key in its budget. */
export type Spending = readonly (readonly [LoginLimit, string])[];

/** @param now monotonic milliseconds */
export function loginBudgets(now?: () => number): LoginBudgets {
  return {
    known: new AttemptBudgets(limitTable.known, now),
    pair: new AttemptBudgets(limitTable.pair, now),
    account: new AttemptBudgets(limitTable.account, now),
    address: new AttemptBudgets(limitTable.address, now),
  };
}

export function isLoginLimit(text: string): text is LoginLimit {
  return Object.hasOwn(limitTable, text);
}
