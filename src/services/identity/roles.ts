/** Roles of the cloud and of domains. */
import { randomUUID } from 'node:crypto';
import { Fault } from '#domain/faults.ts';
import { isEqual, isNot, isText } from '#store/conditions.ts';
import { type ListPage, type ListQuery, listRows } from '#store/list.ts';
import { listTables } from '#store/list-tables.ts';
import type { Store } from '#store/store.ts';
import type { Role } from '#store/tables/roles.ts';
import type { StoreContext } from './context.ts';
import { wholeList } from './lists.ts';
import { changedOptions, type OptionFields, refuseDelete, refuseUpdate } from './resource-options.ts';
import { builtInRoles } from './role-graph.ts';

/** Fields that a request may set; null means empty. */
export type RoleFields = {
  readonly name: string;
  readonly description?: string | null;
  readonly domain_id?: string | null;
  readonly options?: OptionFields;
};

/** Each token that is checked may read them all. */
const rolesMost = 1000;

/** @throws Fault `notFound` */
export async function getRole({ store }: StoreContext, id: string): Promise<Role> {
  const role = await store.roles.find({ id });
  if (!role) throw new Fault('notFound', { what: 'Role', id });
  return role;
}

/** By name. @param domain_id empty: the roles of the cloud */
export function listRoles({ store }: StoreContext, domain_id: string, query: ListQuery): Promise<ListPage<Role>> {
  const source = { collection: store.roles, table: listTables.roles, maximum: wholeList };
  return listRows({ ...source, visible: [isEqual('domain_id', domain_id)] }, query);
}

export function createRole({ store }: StoreContext, fields: RoleFields): Promise<Role> {
  const role: Role = {
    ...{ id: randomUUID().replaceAll('-', ''), domain_id: fields.domain_id ?? '', name: fields.name.trim() },
    ...{ description: fields.description ?? '', options: changedOptions({}, fields.options ?? {}) },
  };
  return store.transaction(async (trx) => {
    if (role.domain_id !== '' && !(await trx.domains.find({ id: role.domain_id })))
      throw new Fault('notFound', { what: 'Domain', id: role.domain_id });
    if ((await trx.roles.pick(['id'], {}, { limit: rolesMost })).length >= rolesMost)
      throw new Fault('forbidden', { detail: `There are ${rolesMost} roles already.` });
    await refuseName(trx, role);
    return trx.roles.insert(role);
  });
}

export function updateRole({ store }: StoreContext, id: string, fields: Partial<RoleFields>): Promise<Role> {
  return store.transaction(async (trx) => {
    const role = await getRole({ store: trx }, id);
    // The rules of all services name them.
    const isBuiltIn = builtInRoles.includes(id);
    refuseUpdate('role', role, isBuiltIn ? { ...fields, options: { immutable: true } } : fields);
    if (fields.domain_id !== undefined && (fields.domain_id ?? '') !== role.domain_id)
      throw new Fault('badRequest', { detail: 'Update of `domain_id` is not allowed.' });
    const changed: Role = {
      ...role,
      ...(fields.name !== undefined && { name: fields.name.trim() }),
      ...(fields.description !== undefined && { description: fields.description ?? '' }),
      options: changedOptions(role.options, fields.options ?? {}),
    };
    await refuseName(trx, changed);
    await trx.roles.update({ id }, changed);
    return changed;
  });
}

export async function deleteRole({ store }: StoreContext, id: string): Promise<void> {
  await store.transaction(async (trx) => {
    const role = await getRole({ store: trx }, id);
    refuseDelete('role', role);
    await removeRole(trx, id);
  });
}

/** With its assignments and the rules about it. */
export async function removeRole(store: Store, id: string): Promise<void> {
  await store.role_assignments.remove({ role_id: id });
  await store.implied_roles.remove({ prior_role_id: id });
  await store.implied_roles.remove({ implied_role_id: id });
  await store.roles.remove({ id });
}

/** Rules of policies compare the names of roles without case: so must this. */
async function refuseName(store: Store, { id, name, domain_id }: Role): Promise<void> {
  const same = [isText('name', name), isEqual('domain_id', domain_id), isNot(isEqual('id', id))];
  if ((await store.roles.list(same, { limit: 1 })).length === 0) return;
  const where = domain_id === '' ? '' : ` at domain ID ${domain_id}`;
  const detail = `Conflict occurred attempting to store role - Duplicate entry found with name ${name}${where}.`;
  throw new Fault('conflict', { detail });
}
