/** Users, as in Keystone. */
import { Collection } from '../collection.ts';

export type User = {
  id: string;
  domain_id: string;
  /** Unique in its domain. */
  name: string;
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
};

export class Users extends Collection<User, { users: User }> {
  static override readonly table = { name: 'users', boolean: ['is_admin', 'enabled'] };

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
