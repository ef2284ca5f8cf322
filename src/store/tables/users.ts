/** Users, as in Keystone. */
import { Collection } from '../collection.ts';

/** As in Keystone; an absent one is not set. */
export type UserOptions = {
  ignore_change_password_upon_first_use?: boolean;
  ignore_password_expiry?: boolean;
  ignore_lockout_failure_attempts?: boolean;
  ignore_user_inactivity?: boolean;
  /** Whether the user cannot change the password. */
  lock_password?: boolean;
  multi_factor_auth_enabled?: boolean;
  /** A login needs all methods of one of these. */
  multi_factor_auth_rules?: string[][];
};

export type User = {
  id: string;
  domain_id: string;
  /** Unique in its domain. */
  name: string;
  /** Who has the secret: this row, a directory, or an identity provider. */
  origin: 'local' | 'ldap' | 'federated';
  password_hash: string;
  /** Tokens with a lower revision are revoked. */
  token_revision: number;
  /** Default project; empty: none. */
  project_id: string;
  /** The administrator of the settings, who keeps its roles and cannot be deleted (`services/identity/bootstrap.ts`). */
  is_admin: boolean;
  enabled: boolean;
  description: string;
  email: string;
  options: UserOptions;
  /** Empty: before it was kept. So are the times below. */
  created_at: string;
  password_changed_at: string;
  /** null = never. */
  password_expires_at: string | null;
  /** Whether the user has set it, not an administrator. */
  password_by_user: boolean;
  /** Hashes, the latest last. */
  former_passwords: string[];
  /** The day of the last login by a password. */
  last_active_at: string;
  /** Wrong passwords since a right one, if accounts can be locked. */
  failed_logins: number;
  failed_login_at: string;
};

export class Users extends Collection<User, { users: User }> {
  static override readonly table = {
    name: 'users',
    json: ['options', 'former_passwords'],
    boolean: ['is_admin', 'enabled', 'password_by_user'],
  };

  /** Revokes all tokens of the user, whatever their scope, by a new revision. */
  async revokeTokens(user_id: string): Promise<void> {
    await this.db
      .updateTable('users')
      .set((column) => ({ token_revision: column('token_revision', '+', 1) }))
      .where('id', '=', user_id)
      .execute();
  }

  /** Revokes all tokens of the users of a domain. */
  async revokeTokensOfDomain(domain_id: string): Promise<void> {
    await this.db
      .updateTable('users')
      .set((column) => ({ token_revision: column('token_revision', '+', 1) }))
      .where('domain_id', '=', domain_id)
      .execute();
  }
}
