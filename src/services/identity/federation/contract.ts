/** What the other use cases of identity need of an issuer of OpenID Connect. */
import type { LoginClient } from '../login-guard.ts';
import type { LoginProofs } from './browser-logins.ts';

export type Claims = { readonly sub: string; readonly [name: string]: unknown };

/** What a browser brought back from the issuer. */
export type CodeLogin = { readonly code: string; readonly redirect_uri: string; readonly proofs: LoginProofs };

export type IssuerOfTokens = {
  readonly name: string;
  /** How long a login by its tokens lasts. */
  readonly sessionMs: number;
  /** What it says about the bearer of an access token. @throws Fault `unauthorized`, `identityProviderUnavailable` */
  claimsOf(token: string, client: LoginClient): Promise<Claims>;
  /** Where a browser logs in there. @throws Fault `identityProviderUnavailable`, `forbidden` if Ingot is no client of it */
  loginPage(asked: { readonly state: string; readonly redirect_uri: string; readonly proofs: LoginProofs }): Promise<string>;
  /** @throws Fault `unauthorized`, `identityProviderUnavailable` */
  claimsOfCode(login: CodeLogin, client: LoginClient): Promise<Claims>;
};
