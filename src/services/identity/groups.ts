/** Groups of users: a member has the roles that are assigned to the group. */
import { randomUUID } from 'node:crypto';
import { Fault } from '#domain/faults.ts';
import { type Condition, isAmong, isEqual } from '#store/conditions.ts';
import { type ListPage, type ListQuery, listRows } from '#store/list.ts';
import { listTables } from '#store/list-tables.ts';
import type { Store } from '#store/store.ts';
import type { Group } from '#store/tables/groups.ts';
import type { User } from '#store/tables/users.ts';
import type { StoreContext } from './context.ts';
import { type DirectoryContext, refuseMembership, refuseWrite } from './directory/read-only.ts';
import { defaultDomainId, getDomain } from './domains.ts';
import { holds, membershipHolds } from './federation/membership.ts';
import { ofDomain, wholeList } from './lists.ts';
import { revokeEverywhere } from './revoke-everywhere.ts';
import { refuseDuplicates } from './unique-names.ts';

/** Fields that a request may set; null means empty. */
export type GroupFields = {
  readonly name: string;
  readonly description?: string | null;
  readonly domain_id?: string | null;
};

/** Of each domain: its managers make them. */
const groupsMost = 1000;

/** @throws Fault `notFound` */
export async function getGroup({ store }: StoreContext, id: string): Promise<Group> {
  const group = await store.groups.find({ id });
  if (!group) throw new Fault('notFound', { what: 'Group', id });
  return group;
}

/** Of a domain (undefined: all), or those of a user, by name. */
export function listGroups(
  { store }: StoreContext,
  { domain_id, user_id }: { readonly domain_id?: string | undefined; readonly user_id?: string },
  query: ListQuery,
): Promise<ListPage<Group>> {
  const visible = [...ofDomain(domain_id), ...(user_id === undefined ? [] : [ofMember(user_id)])];
  return listRows({ collection: store.groups, table: listTables.groups, visible, maximum: wholeList }, query);
}

function ofMember(user_id: string): Condition {
  return isAmong('id', { table: 'group_members', select: 'group_id', where: [isEqual('user_id', user_id), membershipHolds()] });
}

/** By name. @param domain_id undefined: of all domains */
export function listMembers(
  { store }: StoreContext,
  { group_id, domain_id }: { readonly group_id: string; readonly domain_id: string | undefined },
  query: ListQuery,
): Promise<ListPage<User>> {
  const member = isAmong('id', {
    table: 'group_members',
    select: 'user_id',
    where: [isEqual('group_id', group_id), membershipHolds()],
  });
  const source = { collection: store.users, table: listTables.users, maximum: wholeList };
  return listRows({ ...source, visible: [member, ...ofDomain(domain_id)] }, query);
}

export async function createGroup(context: DirectoryContext, fields: GroupFields): Promise<Group> {
  return context.store.transaction(async (trx) => {
    const { id: domain_id } = await getDomain({ store: trx }, fields.domain_id ?? defaultDomainId);
    refuseWrite(context, { domain_id });
    if ((await trx.groups.pick(['id'], { domain_id }, { limit: groupsMost })).length >= groupsMost)
      throw new Fault('forbidden', { detail: `The domain ${domain_id} has ${groupsMost} groups already.` });
    const id = randomUUID().replaceAll('-', '');
    const group = { id, domain_id, name: fields.name.trim(), description: fields.description ?? '' };
    return refuseDuplicates(trx.groups.insert(group), 'group', duplicate(group));
  });
}

export async function updateGroup(context: DirectoryContext, group: Group, fields: Partial<GroupFields>): Promise<Group> {
  refuseWrite(context, group);
  if (fields.domain_id && fields.domain_id !== group.domain_id)
    throw new Fault('badRequest', { detail: 'Cannot change Domain ID.' });
  const changed = {
    ...group,
    ...(fields.name !== undefined && { name: fields.name.trim() }),
    ...(fields.description !== undefined && { description: fields.description ?? '' }),
  };
  const { name, description } = changed;
  await refuseDuplicates(context.store.groups.update({ id: group.id }, { name, description }), 'group', duplicate(changed));
  return changed;
}

function duplicate({ name, domain_id }: Group): string {
  return `Duplicate entry found with name ${name} at domain ID ${domain_id}`;
}

export async function deleteGroup(context: DirectoryContext, group: Group): Promise<void> {
  refuseWrite(context, group);
  await context.store.transaction((trx) => removeGroup(trx, group.id));
}

/** With its assignments. As in Keystone, the tokens of its members become void. */
export async function removeGroup(store: Store, id: string): Promise<void> {
  const members = await store.group_members.list({ group_id: id });
  await store.group_members.remove({ group_id: id });
  await store.role_assignments.remove({ group_id: id });
  for (const { user_id } of members) await revokeEverywhere(store, user_id);
  await store.groups.remove({ id });
}

type Membership = { readonly group_id: string; readonly user_id: string };

async function checkParties(store: Store, { group_id, user_id }: Membership) {
  const group = await getGroup({ store }, group_id);
  const user = await store.users.find({ id: user_id });
  if (!user) throw new Fault('notFound', { what: 'User', id: user_id });
  return { group, user };
}

/** @throws Fault `notFound` unless the user is in the group */
export async function checkMember({ store }: StoreContext, membership: Membership): Promise<void> {
  await checkParties(store, membership);
  const found = await store.group_members.find(membership);
  if (!found || !holds(found)) throw notIn(membership);
}

/** Adding a member again changes nothing. */
export async function addMember(context: DirectoryContext, membership: Membership): Promise<void> {
  await context.store.transaction(async (trx) => {
    refuseMembership(context, await checkParties(trx, membership));
    await trx.group_members.upsert(['group_id', 'user_id'], { ...membership, expires_at: '' });
  });
}

/** The user's tokens become void, as in Keystone: some of their roles may be gone. */
export async function removeMember(context: DirectoryContext, membership: Membership): Promise<void> {
  await context.store.transaction(async (trx) => {
    refuseMembership(context, await checkParties(trx, membership));
    if ((await trx.group_members.remove(membership)) === 0) throw notIn(membership);
    await revokeEverywhere(trx, membership.user_id);
  });
}

function notIn({ user_id, group_id }: Membership): Fault {
  return new Fault('notFound', { what: 'User', id: `${user_id} in group ${group_id}` });
}
