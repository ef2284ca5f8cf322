/**
 * Secrets that were right a short time ago: each command of a client logs in anew, and a hash that is slow on purpose
 * would be most of its work. In memory only, as digests under a key of this process; tied to the stored hash, so that a
 * changed secret is not found.
 */
import { createHmac, randomBytes } from 'node:crypto';

type Options = {
  /** Monotonic milliseconds. */
  readonly clock?: () => number;
  readonly keptMax?: number;
  /** Milliseconds since the secret was hashed; using it does not prolong this. */
  readonly keptFor?: number;
};

export class RecentSecrets {
  readonly #key = randomBytes(32);
  /** Digests, the oldest first, with the time of their check. */
  readonly #checkedAt = new Map<string, number>();
  readonly #options: Required<Options>;

  constructor({ clock = () => performance.now(), keptMax = 1000, keptFor = 300_000 }: Options = {}) {
    this.#options = { clock, keptMax, keptFor };
  }

  has(secret: string, hash: string): boolean {
    const digest = this.#digest(secret, hash);
    const checkedAt = this.#checkedAt.get(digest);
    if (checkedAt === undefined) return false;
    if (this.#options.clock() - checkedAt < this.#options.keptFor) return true;
    this.#checkedAt.delete(digest);
    return false;
  }

  add(secret: string, hash: string): void {
    const digest = this.#digest(secret, hash);
    this.#checkedAt.delete(digest);
    this.#checkedAt.set(digest, this.#options.clock());
    if (this.#checkedAt.size > this.#options.keptMax) this.#checkedAt.delete(this.#checkedAt.keys().next().value as string);
  }

  /** A hash has no line break, and the text of a secret is normalized as `hashPassword` does. */
  #digest(secret: string, hash: string): string {
    return createHmac('sha256', this.#key).update(`${hash}\n${secret.normalize()}`).digest('base64');
  }
}
