/** Token revisions of users in projects. */
import { Collection } from '../collection.ts';

/** The user's tokens for the project with a lower revision are revoked; no row: 0. */
export type ProjectTokenRevision = { user_id: string; project_id: string; revision: number };

type TokenScope = { readonly user_id: string; readonly project_id: string };

/**
 * A new revision revokes all earlier tokens at once. Revisions are counters, not times, so tokens of the same
 * millisecond and a clock that was set back are handled correctly.
 */
export class ProjectTokenRevisions extends Collection<ProjectTokenRevision, { project_token_revisions: ProjectTokenRevision }> {
  static override readonly table = { name: 'project_token_revisions' };

  /** Revokes all tokens of the user for this project. */
  async revokeTokens(scope: TokenScope): Promise<void> {
    await this.db
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
  async revisionOf({ user_id, project_id }: TokenScope): Promise<number> {
    return (await this.find({ user_id, project_id }))?.revision ?? 0;
  }
}
