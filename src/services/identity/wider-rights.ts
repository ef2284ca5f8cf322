/** What managers of a domain must not touch, since it has rights that they cannot assign. */
import { Fault } from '#domain/faults.ts';
import type { Store } from '#store/store.ts';
import type { Group } from '#store/tables/groups.ts';
import type { RoleAssignment, Scope } from '#store/tables/role-assignments.ts';
import type { Role } from '#store/tables/roles.ts';
import type { User } from '#store/tables/users.ts';
import type { StoreContext } from './context.ts';
import { readRoleGraph } from './role-graph.ts';
import { assignmentsOf } from './roles-in.ts';
import { projectScope } from './scopes.ts';

/** A role on a project, whose domain is `domain_id`, on a domain, or on the system. */
export type Right = { readonly role: Role; readonly scope: Scope; readonly domain_id: string };
/** Whether the caller may assign it to the user or group in question. */
export type MayAssign = (right: Right) => boolean;

/**
 * A manager of a domain manages its users, but none with rights that the manager cannot assign, such as those in another domain:
 * with a new password, the manager would have them. Other than in Keystone, the domain of such users has managers, too.
 */
export async function refuseWiderRights({ store }: StoreContext, user: User, mayAssign: MayAssign): Promise<void> {
  await refuse(store, { rows: await assignmentsOf(store, user.id), who: `User ${user.name}`, what: 'this user' }, mayAssign);
}

/**
 * The trusts for a user that delegate what the caller cannot assign. A password that the caller sets must not open them; unlike
 * wider rights of the user's own, they do not keep the caller from setting it: anyone may trust anyone.
 */
export async function widerTrusts({ store }: StoreContext, { id }: User, mayAssign: MayAssign): Promise<string[]> {
  const graph = await readRoleGraph(store);
  const homes = new Map<string, string>();
  const wider: string[] = [];
  for (const trust of await store.trusts.list({ trustee_user_id: id })) {
    const scope = projectScope(trust.project_id);
    const domain_id = homes.get(scope.scope_id) ?? (await homeOf(store, scope));
    homes.set(scope.scope_id, domain_id);
    const isWithin = graph.inToken(trust.roles).every((role) => mayAssign({ role, scope, domain_id }));
    if (!isWithin) wider.push(trust.id);
  }
  return wider;
}

/** Like `refuseWiderRights`, for a group, whose rights a manager would have as a member. */
export async function refuseWiderGroup({ store }: StoreContext, group: Group, mayAssign: MayAssign): Promise<void> {
  const rows = await store.role_assignments.list({ group_id: group.id });
  await refuse(store, { rows, who: `Group ${group.name}`, what: 'this group' }, mayAssign);
}

type Rights = { readonly rows: readonly RoleAssignment[]; readonly who: string; readonly what: string };

async function refuse(store: Store, { rows, who, what }: Rights, mayAssign: MayAssign): Promise<void> {
  const graph = await readRoleGraph(store);
  const homes = new Map<string, string>();
  for (const { role_id, scope_type, scope_id } of rows) {
    const role = graph.find(role_id);
    if (!role) continue;
    const domain_id = homes.get(scope_id) ?? (await homeOf(store, { scope_type, scope_id }));
    homes.set(scope_id, domain_id);
    // A role of a domain stands for what it implies.
    const roles = role.domain_id === '' ? [role] : graph.inToken([role_id]);
    if (roles.every((each) => mayAssign({ role: each, scope: { scope_type, scope_id }, domain_id }))) continue;
    const place = scope_type === 'system' ? ' on the system' : '';
    throw new Fault('forbidden', { detail: `${who} has the role ${role.name}${place}: only administrators can change ${what}.` });
  }
}

async function homeOf(store: Store, { scope_type, scope_id }: Scope): Promise<string> {
  if (scope_type !== 'project') return scope_id;
  return (await store.projects.find({ id: scope_id }))?.domain_id ?? '';
}
