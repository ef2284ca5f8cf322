/** The roles of a user in a project. Three roles exist; each includes the ones after it. */
import type { Store } from '#store/store.ts';
import type { RoleName } from '#store/tables/role-assignments.ts';
import type { User } from '#store/tables/users.ts';

export const roleNames: readonly RoleName[] = ['admin', 'member', 'reader'];

/** Assigned and implied roles; empty = the user has no access to the project. */
export async function rolesIn(store: Store, user: User, projectId: string): Promise<RoleName[]> {
  if (user.is_admin) return [...roleNames];
  const assignments = await store.role_assignments.list({ user_id: user.id, project_id: projectId });
  return included(assignments.map((assignment) => assignment.role));
}

export function included(roles: readonly RoleName[]): RoleName[] {
  const highest = roleNames.findIndex((name) => roles.includes(name));
  return highest < 0 ? [] : roleNames.slice(highest);
}

export function roleBody(name: RoleName) {
  return { id: name, name, domain_id: null, description: roleDescriptions[name], options: {} };
}

const roleDescriptions: Record<RoleName, string> = {
  admin: 'May do everything.',
  member: 'May use what belongs to the project.',
  reader: 'May look at what belongs to the project.',
};
