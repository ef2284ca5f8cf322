/** Tokens whose callers were read a short time ago, for clients that send one request after the other. */
import type { Caller } from '../caller.ts';

type Expiring = { readonly expires_at: string };
type FoundCaller<P extends Expiring> = { readonly payload: P; readonly caller: Caller };

/** `revision`: the store's when the caller was read; any later write to what a token depends on makes it another. */
type Known<P extends Expiring> = FoundCaller<P> & { readonly revision: number; readonly readAt: number };

type Options = {
  /** Monotonic milliseconds. */
  readonly clock?: () => number;
  readonly keptMax?: number;
  /** Milliseconds. */
  readonly keptFor?: number;
};

/** @typeParam P the payload of a token */
export class KnownTokens<P extends Expiring> {
  /** The oldest first. */
  readonly #known = new Map<string, Known<P>>();
  readonly #options: Required<Options>;

  constructor({ clock = () => performance.now(), keptMax = 1000, keptFor = 10_000 }: Options = {}) {
    this.#options = { clock, keptMax, keptFor };
  }

  find(token: string, revision: number): FoundCaller<P> | undefined {
    const known = this.#known.get(token);
    if (!known) return undefined;
    const isCurrent = known.revision === revision && this.#options.clock() - known.readAt < this.#options.keptFor;
    if (isCurrent && Date.parse(known.payload.expires_at) > Date.now()) return known;
    this.#known.delete(token);
    return undefined;
  }

  keep(token: string, { payload, caller }: FoundCaller<P>, revision: number): void {
    this.#known.delete(token);
    this.#known.set(token, { payload, caller, revision, readAt: this.#options.clock() });
    if (this.#known.size > this.#options.keptMax) this.#known.delete(this.#known.keys().next().value as string);
  }
}
