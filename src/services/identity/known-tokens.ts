/** Tokens whose callers were read a short time ago, for clients that send one request after the other. */
import type { Caller } from '../caller.ts';
import type { TokenPayload } from './tokens.ts';

export type FoundCaller = { readonly payload: TokenPayload; readonly caller: Caller };

/** `revision`: the store's when the caller was read; any later write to what a token depends on makes it another. */
type Known = FoundCaller & { readonly revision: number; readonly readAt: number };

const keptMax = 1000;
/** Milliseconds. */
const keptFor = 10_000;

export class KnownTokens {
  /** The oldest first. */
  readonly #known = new Map<string, Known>();
  readonly #clock: () => number;

  constructor(clock: () => number = () => performance.now()) {
    this.#clock = clock;
  }

  find(token: string, revision: number): FoundCaller | undefined {
    const known = this.#known.get(token);
    if (!known) return undefined;
    const isCurrent = known.revision === revision && this.#clock() - known.readAt < keptFor;
    if (isCurrent && Date.parse(known.payload.expires_at) > Date.now()) return known;
    this.#known.delete(token);
    return undefined;
  }

  keep(token: string, { payload, caller }: FoundCaller, revision: number): void {
    this.#known.delete(token);
    this.#known.set(token, { payload, caller, revision, readAt: this.#clock() });
    if (this.#known.size > keptMax) this.#known.delete(this.#known.keys().next().value as string);
  }
}
