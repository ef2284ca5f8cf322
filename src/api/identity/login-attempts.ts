/** Slows down guessing: after some failures in a row, one user from one address has to wait. */
import { Fault } from '#domain/faults.ts';

const maxFailures = 5;
const windowMs = 60_000;
const maxRemembered = 10_000;

type Failures = { count: number; until: number };

export class LoginAttempts {
  readonly #failures = new Map<string, Failures>();
  readonly #now: () => number;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** @throws Fault `tooManyRequests` */
  check(key: string): void {
    const failures = this.#failures.get(key);
    if (!failures || failures.count < maxFailures) return;
    const seconds = Math.ceil((failures.until - this.#now()) / 1000);
    if (seconds > 0) throw new Fault('tooManyRequests', { what: 'failed logins', seconds });
    this.#failures.delete(key);
  }

  failed(key: string): void {
    const count = (this.#failures.get(key)?.count ?? 0) + 1;
    this.#failures.delete(key);
    this.#failures.set(key, { count, until: this.#now() + windowMs });
    const oldest = this.#failures.size > maxRemembered && this.#failures.keys().next().value;
    if (oldest) this.#failures.delete(oldest);
  }

  succeeded(key: string): void {
    this.#failures.delete(key);
  }
}
