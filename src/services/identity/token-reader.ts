/** Who reads the tokens of requests: this service, or an existing Keystone. */
import type { Caller } from '../caller.ts';
import type { IdentityContext } from './context.ts';
import type { TokenPayload } from './tokens.ts';
import { readToken, recheck } from './validate-token.ts';

export type FoundCaller = { readonly payload: TokenPayload; readonly caller: Caller };

export type TokenReader = {
  /**
   * @param serviceToken of the service that sends the request for the user
   * @returns undefined for an invalid, expired or revoked token. Throws Fault `keystoneUnavailable`, `directoryUnavailable`.
   */
  read(token: string, serviceToken: string | undefined): Promise<FoundCaller | undefined>;
  /** Repeats the check for long requests: undefined once the token was revoked or its user lost access. */
  recheck(payload: TokenPayload): Promise<Caller | undefined>;
};

/** Reads the tokens that this service issues. */
export function ownTokens(context: Pick<IdentityContext, 'store' | 'tokens' | 'directory'>): TokenReader {
  return { read: (token) => readToken(context, token), recheck: (payload) => recheck(context, payload) };
}
