/**
 * A new revision revokes all earlier tokens at once. Revisions are counters, not times, so tokens of the same
 * millisecond and a clock that was set back are handled correctly.
 */
import type { Store } from './store.ts';

type Scope = { readonly user_id: string; readonly project_id: string };

/** Revokes all tokens of the user, whatever their scope. */
export async function revokeTokensOf(store: Store, user_id: string): Promise<void> {
  await store.db
    .updateTable('users')
    .set((column) => ({ token_revision: column('token_revision', '+', 1) }))
    .where('id', '=', user_id)
    .execute();
}

/** Revokes all tokens of the user for this project. */
export async function revokeTokensFor(store: Store, scope: Scope): Promise<void> {
  await store.db
    .insertInto('project_token_revisions')
    .values({ ...scope, revision: 1 })
    .onConflict((conflict) =>
      conflict
        .columns(['user_id', 'project_id'])
        .doUpdateSet((column) => ({ revision: column('project_token_revisions.revision', '+', 1) })),
    )
    .execute();
}

/** Must be read before the roles of a new token: a role removed in between then revokes the token. */
export async function projectTokenRevision(store: Store, { user_id, project_id }: Scope): Promise<number> {
  return (await store.project_token_revisions.find({ user_id, project_id }))?.revision ?? 0;
}
