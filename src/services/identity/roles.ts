/** The roles, what each implies, and the roles of a user in a scope. */
import { Fault } from '#domain/faults.ts';
import type { Store } from '#store/store.ts';
import type { RoleAssignment, RoleName, Scope } from '#store/tables/role-assignments.ts';

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

/** A scope, and for a project its domain, from which roles are inherited. */
export type ScopeInDomain = Scope & { readonly domain_id?: string | undefined };

/** Assigned, inherited and implied roles; empty = the user has no access to the scope. */
export async function rolesIn(store: Store, user_id: string, scope: ScopeInDomain): Promise<RoleName[]> {
  const scope_id = scope.domain_id === undefined ? scope.scope_id : [scope.scope_id, scope.domain_id];
  const assignments = await store.role_assignments.list({ user_id, scope_id });
  return withImplied(assignments.filter((row) => applies(row, scope)).map(({ role }) => role));
}

export async function hasRole(store: Store, user_id: string, scope: ScopeInDomain): Promise<boolean> {
  return (await rolesIn(store, user_id, scope)).length > 0;
}

function applies({ scope_type, scope_id, inherited }: RoleAssignment, scope: ScopeInDomain): boolean {
  if (inherited) return scope.scope_type === 'project' && scope_type === 'domain' && scope_id === scope.domain_id;
  return scope_type === scope.scope_type && scope_id === scope.scope_id;
}
