/** Revoked tokens. */
import { Collection } from '../collection.ts';

/** Tokens are signed, and only revocations are stored: this token and all derived from it are revoked. */
export type RevokedToken = {
  audit_id: string;
  expires_at: string;
  /** Empty: not known. */
  revoked_at: string;
};

export class RevokedTokens extends Collection<RevokedToken> {
  static override readonly table = { name: 'revoked_tokens' };
}
