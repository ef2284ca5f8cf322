/** The roles of a user in a scope: assigned to the user or to their groups, inherited from above, implied by others. */
import type { Store } from '#store/store.ts';
import type { RoleAssignment, Scope } from '#store/tables/role-assignments.ts';
import type { Role } from '#store/tables/roles.ts';
import { holds } from './federation/membership.ts';
import { ancestorsOf } from './project-tree.ts';
import { readRoleGraph } from './role-graph.ts';
import { domainScope, projectScope } from './scopes.ts';

/** The roles that a token for the scope has; none = the user has no access to it. */
export async function rolesIn(store: Store, user_id: string, scope: Scope): Promise<Role[]> {
  return (await readRoleGraph(store)).inToken(await assignedIn(store, user_id, scope));
}

/** The same, with the roles of domains, which tokens do not have. */
export async function allRolesIn(store: Store, user_id: string, scope: Scope): Promise<Role[]> {
  return (await readRoleGraph(store)).expand(await assignedIn(store, user_id, scope));
}

async function assignedIn(store: Store, user_id: string, scope: Scope): Promise<string[]> {
  const above = await placesAbove(store, scope);
  const scope_id = [scope.scope_id, ...above.map((place) => place.scope_id)];
  const rows = await assignedTo(store, user_id, { scope_id });
  return rows.filter((row) => applies(row, { scope, above })).map(({ role_id }) => role_id);
}

export async function hasRole(store: Store, user_id: string, scope: Scope): Promise<boolean> {
  return (await rolesIn(store, user_id, scope)).length > 0;
}

/** All assignments of a user and of their groups, wherever. */
export async function assignmentsOf(store: Store, user_id: string): Promise<RoleAssignment[]> {
  return assignedTo(store, user_id, {});
}

/** Values of one statement: databases limit them. */
const groupsAtOnce = 5000;

/** Those of a user and of their groups: a row has either, and the other is empty. */
async function assignedTo(store: Store, user_id: string, where: { scope_id?: string[] }): Promise<RoleAssignment[]> {
  const groups = (await store.group_members.pick(['group_id', 'expires_at'], { user_id })).filter(holds);
  if (groups.length === 0) return store.role_assignments.list({ ...where, user_id });
  const ids = groups.map(({ group_id }) => group_id);
  const first = { user_id: [user_id, ''], group_id: ['', ...ids.slice(0, groupsAtOnce)] };
  const rows = await store.role_assignments.list({ ...where, ...first });
  for (let start = groupsAtOnce; start < ids.length; start += groupsAtOnce)
    rows.push(...(await store.role_assignments.list({ ...where, group_id: ids.slice(start, start + groupsAtOnce) })));
  return rows;
}

/** Where roles are assigned that a project inherits: the projects above it, and its domain. */
async function placesAbove(store: Store, { scope_type, scope_id }: Scope): Promise<Scope[]> {
  const project = scope_type === 'project' ? await store.projects.find({ id: scope_id }) : undefined;
  if (!project) return [];
  const ancestors = await ancestorsOf(store, project);
  return [...ancestors.map(({ id }) => projectScope(id)), domainScope(project.domain_id)];
}

type Places = { readonly scope: Scope; readonly above: readonly Scope[] };

function applies(row: RoleAssignment, { scope, above }: Places): boolean {
  const isAt = ({ scope_type, scope_id }: Scope) => row.scope_type === scope_type && row.scope_id === scope_id;
  return row.inherited ? above.some(isAt) : isAt(scope);
}
