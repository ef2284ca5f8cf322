/** What managers of a domain must not touch, since it has rights that they cannot assign. */
import { Fault } from '#domain/faults.ts';
import type { Caller } from '#services/caller.ts';
import type { Store } from '#store/store.ts';
import type { Group } from '#store/tables/groups.ts';
import type { RoleAssignment } from '#store/tables/role-assignments.ts';
import type { User } from '#store/tables/users.ts';
import type { StoreContext } from './context.ts';
import { readRoleGraph } from './role-graph.ts';
import { assignmentsOf } from './roles-in.ts';

/**
 * A manager of a domain manages its users, but none with rights beyond the domain: with a new password, the manager would
 * have them. Other than in Keystone, the domain of such users has managers, too.
 */
export async function refuseWiderRights({ store }: StoreContext, caller: Caller, user: User): Promise<void> {
  if (!caller.is_admin) await refuse(store, await assignmentsOf(store, user.id), `User ${user.name}`, 'change this user');
}

/** The same for a group, whose rights a manager would have as a member. */
export async function refuseWiderGroup({ store }: StoreContext, caller: Caller, group: Group): Promise<void> {
  if (caller.is_admin) return;
  const rows = await store.role_assignments.list({ group_id: group.id });
  await refuse(store, rows, `Group ${group.name}`, 'change the members of this group');
}

async function refuse(store: Store, rows: readonly RoleAssignment[], who: string, what: string): Promise<void> {
  const graph = await readRoleGraph(store);
  for (const { role_id, scope_type } of rows) {
    const isWide = graph.expand([role_id]).some(({ id }) => id === 'admin' || id === 'service');
    if (!isWide && scope_type !== 'system') continue;
    const name = graph.find(role_id)?.name ?? role_id;
    const place = scope_type === 'system' ? ' on the system' : '';
    throw new Fault('forbidden', { detail: `${who} has the role ${name}${place}: only administrators can ${what}.` });
  }
}
