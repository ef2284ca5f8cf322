/** Token revisions of users in scopes. */
import { Collection } from '../collection.ts';
import type { Scope } from './role-assignments.ts';

/** The user's tokens for the scope with a lower revision are revoked; no row: 0. */
export type ScopeTokenRevision = Scope & { user_id: string; revision: number };

type ScopeOfUser = Readonly<Scope> & { readonly user_id: string };

/**
 * A new revision revokes all earlier tokens at once. Revisions are counters, not times, so tokens of the same
 * millisecond and a clock that was set back are handled correctly.
 */
export class ScopeTokenRevisions extends Collection<ScopeTokenRevision, { scope_token_revisions: ScopeTokenRevision }> {
  static override readonly table = { name: 'scope_token_revisions' };

  /** Revokes all tokens of the user for this scope. */
  async revokeTokens({ user_id, scope_type, scope_id }: ScopeOfUser): Promise<void> {
    await this.db
      .insertInto('scope_token_revisions')
      .values({ user_id, scope_type, scope_id, revision: 1 })
      .onConflict((conflict) =>
        conflict
          .columns(['user_id', 'scope_type', 'scope_id'])
          .doUpdateSet((column) => ({ revision: column('scope_token_revisions.revision', '+', 1) })),
      )
      .execute();
  }

  /** Must be read before the roles of a new token: a role removed in between then revokes the token. */
  async revisionOf({ user_id, scope_type, scope_id }: ScopeOfUser): Promise<number> {
    return (await this.find({ user_id, scope_type, scope_id }))?.revision ?? 0;
  }
}
