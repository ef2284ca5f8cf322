/** What the other use cases of identity need of an issuer of OpenID Connect. */
import type { LoginClient } from '../login-guard.ts';

export type Claims = { readonly sub: string; readonly [name: string]: unknown };

export type IssuerOfTokens = {
  readonly name: string;
  /** How long a login by its tokens lasts. */
  readonly sessionMs: number;
  /** What it says about the bearer of an access token. @throws Fault `unauthorized`, `identityProviderUnavailable` */
  claimsOf(token: string, client: LoginClient): Promise<Claims>;
};
