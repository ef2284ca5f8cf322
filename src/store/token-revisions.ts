/**
 * Revisions void all tokens issued before at once. They are counters and not times: a token of the same millisecond and a
 * clock that was set back make no difference.
 */
import type { Store } from './store.ts';

type Scope = { readonly user_id: string; readonly project_id: string };

/** All tokens of the user are void from now on, whatever their scope. */
export async function revokeTokensOf(store: Store, user_id: string): Promise<void> {
  await store.db
    .updateTable('users')
    .set((column) => ({ token_revision: column('token_revision', '+', 1) }))
    .where('id', '=', user_id)
    .execute();
}

/** All tokens of the user for this project are void from now on. */
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

/** To be read before the roles that a token is issued for: a role that is taken in between then voids the token. */
export async function projectTokenRevision(store: Store, { user_id, project_id }: Scope): Promise<number> {
  return (await store.project_token_revisions.find({ user_id, project_id }))?.revision ?? 0;
}
