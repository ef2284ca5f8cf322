/** What ends with a role that a user had on many projects, by a group or inherited. */
import type { Store } from '#store/store.ts';
import { rolesIn } from './roles-in.ts';
import { projectScope } from './scopes.ts';

/**
 * All tokens of the user become void, and application credentials with roles that the user no longer has are removed: a regained
 * role requires new ones. Call in the transaction that has removed the role.
 */
export async function revokeEverywhere(store: Store, user_id: string): Promise<void> {
  await store.users.revokeTokens(user_id);
  const credentials = await store.application_credentials.pick(['id', 'project_id', 'roles'], { user_id });
  for (const [project_id, inProject] of Map.groupBy(credentials, (credential) => credential.project_id)) {
    const left = new Set((await rolesIn(store, user_id, projectScope(project_id))).map(({ id }) => id));
    const lost = inProject.filter(({ roles }) => roles.some((role) => !left.has(role))).map(({ id }) => id);
    if (lost.length > 0) await store.application_credentials.remove({ id: lost });
  }
}
