/** Tokens whose callers were read a short time ago, for clients that send one request after the other. */
import type { Caller } from '../caller.ts';

type Expiring = { readonly expires_at: string };
type FoundCaller<P extends Expiring> = { readonly payload: P; readonly caller: Caller };

/** `revision`: the store's when the caller was read; any later write to what a token depends on makes it another. */
type Known<P extends Expiring> = FoundCaller<P> & { readonly revision: number; readonly readAt: number };

const keptMax = 1000;
/** Milliseconds. */
const keptFor = 10_000;

/** @typeParam P the payload of a token */
export class KnownTokens<P extends Expiring> {
  /** The oldest first. */
  readonly #known = new Map<string, Known<P>>();
  readonly #clock: () => number;

  constructor(clock: () => number = () => performance.now()) {
    this.#clock = clock;
  }

  find(token: string, revision: number): FoundCaller<P> | undefined {
    const known = this.#known.get(token);
    if (!known) return undefined;
    const isCurrent = known.revision === revision && this.#clock() - known.readAt < keptFor;
    if (isCurrent && Date.parse(known.payload.expires_at) > Date.now()) return known;
    this.#known.delete(token);
    return undefined;
  }

  keep(token: string, { payload, caller }: FoundCaller<P>, revision: number): void {
    this.#known.delete(token);
    this.#known.set(token, { payload, caller, revision, readAt: this.#clock() });
    if (this.#known.size > keptMax) this.#known.delete(this.#known.keys().next().value as string);
  }
}
