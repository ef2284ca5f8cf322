/** Token revisions of users in scopes. */
import { sql } from 'kysely';
import { Collection } from '../collection.ts';
import type { Scope } from './role-assignments.ts';

/** The user's tokens for the scope with a lower revision are revoked; no row: 0. `user_id` is empty in the row of all users. */
export type ScopeTokenRevision = Scope & { user_id: string; revision: number };

/** No user has this id. */
const everyone = '';

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

  /** Revokes the tokens of all users for this scope. */
  revokeAll(scope: Scope): Promise<void> {
    return this.revokeTokens({ user_id: everyone, scope_type: scope.scope_type, scope_id: scope.scope_id });
  }

  /** Revokes the tokens of all users for all projects of a domain, in one statement. */
  async revokeProjectsOf(domain_id: string): Promise<void> {
    const projects = sql`SELECT '', 'project', id, 1 FROM projects WHERE domain_id = ${domain_id}`;
    await sql`INSERT INTO scope_token_revisions (user_id, scope_type, scope_id, revision) ${projects}
      ON CONFLICT (user_id, scope_type, scope_id)
      DO UPDATE SET revision = scope_token_revisions.revision + 1`.execute(this.db);
  }

  /** Must be read before the roles of a new token: a role removed in between then revokes the token. */
  async revisionOf({ user_id, scope_type, scope_id }: ScopeOfUser): Promise<number> {
    const rows = await this.list({ user_id: [user_id, everyone], scope_type, scope_id });
    // Neither ever gets lower: the sum differs once one of them does.
    return rows.reduce((sum, { revision }) => sum + revision, 0);
  }
}
