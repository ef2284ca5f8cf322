/** What the use cases of identity work with. */
import type { Store } from '#store/store.ts';
import type { DirectoryOfDomain } from './directory/contract.ts';
import type { IssuerOfTokens } from './federation/contract.ts';
import type { LoginGuard } from './login-guard.ts';
import type { Receipts } from './receipts.ts';
import type { ComplianceSettings } from './settings.ts';
import type { Tokens } from './tokens.ts';

export type IdentityContext = {
  readonly store: Store;
  readonly tokens: Tokens;
  /** What a login has proved, if more is needed. */
  readonly receipts: Receipts;
  /** Checks and hashes all secrets. */
  readonly logins: LoginGuard;
  /** The LDAP directory that has the users of a domain. */
  readonly directory: DirectoryOfDomain | undefined;
  /** The issuer of OpenID Connect whose access tokens are taken. */
  readonly issuer: IssuerOfTokens | undefined;
  readonly settings: ComplianceSettings;
};

/** For what only reads and writes records, also inside a transaction. */
export type StoreContext = Pick<IdentityContext, 'store'>;
