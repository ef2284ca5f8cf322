/** The roles, what each implies, and the roles of a user in a scope. */
import { Fault } from '#domain/faults.ts';
import type { Store } from '#store/store.ts';
import type { RoleAssignment, RoleName, Scope } from '#store/tables/role-assignments.ts';
import { ancestorsOf } from './project-tree.ts';

/** Highest first. Each role implies the next one, as `keystone-manage bootstrap` creates them. */
const line: readonly RoleName[] = ['admin', 'manager', 'member', 'reader'];
/** The role `service` implies none, and none implies it. */
export const roleNames: readonly RoleName[] = [...line, 'service'];

/** A role's id is its name. */
export type Role = { readonly id: RoleName; readonly name: RoleName; readonly description: string };

const roleDescriptions: Record<RoleName, string> = {
  admin: 'May do everything.',
  manager: "May manage the project's users' resources, or the users and projects of a domain.",
  member: 'May use what belongs to the project.',
  reader: 'May look at what belongs to the project.',
  service: 'Is another service of the cloud.',
};

export const roles: readonly Role[] = roleNames.map((name) => ({ id: name, name, description: roleDescriptions[name] }));

/** @throws Fault `notFound` */
export function getRole(id: string): Role {
  const role = roles.find((candidate) => candidate.id === id);
  if (!role) throw new Fault('notFound', { what: 'Role', id });
  return role;
}

/** The role that this one implies directly; undefined for the lowest, and for `service`. */
export function impliedBy(name: RoleName): RoleName | undefined {
  return line.includes(name) ? line[line.indexOf(name) + 1] : undefined;
}

/** These roles and all that they imply. */
export function withImplied(names: readonly RoleName[]): RoleName[] {
  const highest = line.findIndex((name) => names.includes(name));
  return [...(highest < 0 ? [] : line.slice(highest)), ...(names.includes('service') ? (['service'] as const) : [])];
}

export const systemScope: Scope = { scope_type: 'system', scope_id: 'all' };
export const domainScope = (id: string): Scope => ({ scope_type: 'domain', scope_id: id });
export const projectScope = (id: string): Scope => ({ scope_type: 'project', scope_id: id });

/** Assigned, inherited and implied roles; empty = the user has no access to the scope. */
export async function rolesIn(store: Store, user_id: string, scope: Scope): Promise<RoleName[]> {
  const above = await placesAbove(store, scope);
  const scope_id = [scope.scope_id, ...above.map((place) => place.scope_id)];
  const assignments = await store.role_assignments.list({ user_id, scope_id });
  return withImplied(assignments.filter((row) => applies(row, { scope, above })).map(({ role }) => role));
}

export async function hasRole(store: Store, user_id: string, scope: Scope): Promise<boolean> {
  return (await rolesIn(store, user_id, scope)).length > 0;
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
