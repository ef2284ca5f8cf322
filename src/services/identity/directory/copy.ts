/**
 * The users and groups of a directory as rows of their domain, so that lists, roles and tokens find them as all others. A
 * row goes with its entry. What users and groups were given here stays, as in Keystone, for the case that the entry comes
 * back: role assignments, keys and application credentials, which are of no use meanwhile.
 */
import { randomInt } from 'node:crypto';
import type { Store } from '#store/store.ts';
import type { Group, GroupMember } from '#store/tables/groups.ts';
import type { User } from '#store/tables/users.ts';
import { revokeEverywhere } from '../revoke-everywhere.ts';
import { newUser } from '../users.ts';
import type { DirectoryGroup, DirectoryUser } from './entries.ts';
import type { FoundUser } from './ldap-reader.ts';
import { publicId } from './public-id.ts';

/** A long transaction would delay all others. */
const rowsAtOnce = 200;
/** Of all groups together. */
export const membershipsMost = 500_000;

type Shown = Pick<User, 'name' | 'enabled' | 'description' | 'email'>;

export const userIdIn = (domain_id: string, { local_id }: DirectoryUser) =>
  publicId({ domain_id, entity_type: 'user', local_id });
const groupIdIn = (domain_id: string, { local_id }: DirectoryGroup) => publicId({ domain_id, entity_type: 'group', local_id });

const shownOf = ({ name, enabled, description, email }: Shown): Shown => ({ name, enabled, description, email });

/** A token of a former row does not become valid again by a new one. */
export function rowOf(domain_id: string, user: DirectoryUser): User {
  const own = { id: userIdIn(domain_id, user), origin: 'ldap', token_revision: randomInt(2 ** 30) } as const;
  return { ...newUser(user.name, domain_id), ...own, ...shownOf(user) };
}

type Copied = {
  readonly users: readonly DirectoryUser[];
  readonly groups: readonly DirectoryGroup[];
  /** By what groups name a user. */
  readonly memberKeyOf: (user: DirectoryUser) => string | undefined;
  /** Users who logged in since the directory was read: what their logins wrote is newer. */
  readonly except: ReadonlySet<string>;
};

/** @returns the number of rows that were written */
export async function copyDirectory(store: Store, domain_id: string, copied: Copied): Promise<number> {
  const groups = new Map(copied.groups.map((group) => [groupIdIn(domain_id, group), group]));
  const users = await copyUsers(store, domain_id, copied);
  return users + (await copyGroups(store, domain_id, groups)) + (await copyMembers(store, { domain_id, groups, copied }));
}

async function copyUsers(store: Store, domain_id: string, { users, except }: Copied): Promise<number> {
  const wanted = new Map(users.map((user) => [userIdIn(domain_id, user), user]));
  const rows = (await store.users.list({ domain_id })).filter(({ id }) => !except.has(id));
  const former = new Set(rows.map(({ id }) => id));
  const gone = rows.filter(({ id }) => !wanted.has(id));
  const changed = rows.filter((row) => differs(row, wanted.get(row.id)));
  const added = [...wanted].filter(([id]) => !former.has(id) && !except.has(id)).map(([, user]) => rowOf(domain_id, user));
  // Names that are exchanged: each is free before another user takes it.
  const renamed = changed.filter(({ id, name }) => wanted.get(id)?.name !== name);
  await inParts(store, gone, (trx, { id }) => removeDirectoryUser(trx, id));
  await inParts(store, renamed, async (trx, { id }) => void (await trx.users.update({ id }, { name: id })));
  await inParts(store, changed, (trx, row) => changeUser(trx, row, wanted.get(row.id) as DirectoryUser));
  await inParts(store, added, (trx, row) => addUser(trx, row));
  return gone.length + changed.length + added.length;
}

function differs(row: Shown, user: DirectoryUser | undefined): boolean {
  return user !== undefined && JSON.stringify(shownOf(row)) !== JSON.stringify(shownOf(user));
}

/** Without what was given to the user: see above. */
export async function removeDirectoryUser(store: Store, id: string): Promise<void> {
  await store.group_members.remove({ user_id: id });
  await store.login_addresses.remove({ user_id: id });
  await store.users.remove({ id });
}

async function changeUser(store: Store, { id, enabled }: User, user: DirectoryUser): Promise<void> {
  await freeName(store, { id, domain_id: (await store.users.find({ id }))?.domain_id ?? '', name: user.name });
  await store.users.update({ id }, shownOf(user));
  if (enabled && !user.enabled) await store.users.revokeTokens(id);
}

async function addUser(store: Store, row: User): Promise<void> {
  await freeName(store, row);
  await store.users.insertIfAbsent(row);
}

/** Of a user who had the name before, and of whom the directory has not been read since. */
async function freeName({ users }: Store, { id, domain_id, name }: Pick<User, 'id' | 'domain_id' | 'name'>): Promise<void> {
  const other = await users.find({ domain_id, name });
  if (other && other.id !== id) await users.update({ id: other.id }, { name: other.id });
}

async function copyGroups(store: Store, domain_id: string, groups: ReadonlyMap<string, DirectoryGroup>): Promise<number> {
  const rows = await store.groups.list({ domain_id });
  const former = new Map(rows.map((row) => [row.id, row]));
  const gone = rows.filter(({ id }) => !groups.has(id));
  const wanted = [...groups].map(([id, { name, description }]): Group => ({ id, domain_id, name, description }));
  const written = wanted.filter((group) => JSON.stringify(former.get(group.id)) !== JSON.stringify(group));
  const renamed = written.filter(({ id, name }) => former.has(id) && former.get(id)?.name !== name);
  await inParts(store, gone, async (trx, { id }) => {
    const members = await trx.group_members.list({ group_id: id });
    await trx.group_members.remove({ group_id: id });
    for (const { user_id } of members) await revokeEverywhere(trx, user_id);
    await trx.groups.remove({ id });
  });
  await inParts(store, renamed, async (trx, { id }) => void (await trx.groups.update({ id }, { name: id })));
  await inParts(store, written, (trx, group) => trx.groups.upsert(['id'], group));
  return gone.length + written.length;
}

type Members = {
  readonly domain_id: string;
  readonly groups: ReadonlyMap<string, DirectoryGroup>;
  readonly copied: Copied;
};

async function copyMembers(store: Store, { domain_id, groups, copied }: Members): Promise<number> {
  const { users, except, memberKeyOf } = copied;
  const userOf = new Map(users.map((user) => [memberKeyOf(user), userIdIn(domain_id, user)]));
  let written = 0;
  for (const [group_id, { members }] of groups) {
    const wanted = new Set([...members].map((key) => userOf.get(key)).filter((id) => id !== undefined && !except.has(id)));
    const rows = (await store.group_members.list({ group_id })).filter(({ user_id }) => !except.has(user_id));
    const former = new Set(rows.map(({ user_id }) => user_id));
    const gone = rows.filter(({ user_id }) => !wanted.has(user_id));
    const added = [...wanted].filter((id) => id !== undefined && !former.has(id));
    await inParts(store, gone, leave);
    await inParts(store, added, async (trx, user_id) => {
      // The user may have gone meanwhile.
      if (await trx.users.find({ id: user_id as string })) await trx.group_members.insertIfAbsent({ group_id, user_id });
    });
    written += gone.length + added.length;
  }
  return written;
}

/** As at the removal of a member by request. */
async function leave(store: Store, membership: GroupMember): Promise<void> {
  await store.group_members.remove(membership);
  await revokeEverywhere(store, membership.user_id);
}

/** What a login has read of one user. Groups of which there are no rows yet come with the next copy. @returns the user's id */
export async function copyUser(store: Store, domain_id: string, { user, groups }: FoundUser): Promise<string> {
  const id = userIdIn(domain_id, user);
  await store.transaction(async (trx) => {
    const row = await trx.users.find({ id });
    if (!row) await addUser(trx, rowOf(domain_id, user));
    else if (differs(row, user)) await changeUser(trx, row, user);
    const all = await trx.groups.pick(['id'], { id: ['', ...groups.map((group) => groupIdIn(domain_id, group))] });
    const wanted = new Set(all.map((group) => group.id));
    const former = await trx.group_members.list({ user_id: id });
    for (const membership of former) if (!wanted.delete(membership.group_id)) await leave(trx, membership);
    for (const group_id of wanted) await trx.group_members.insertIfAbsent({ group_id, user_id: id });
  });
  return id;
}

async function inParts<T>(store: Store, all: readonly T[], write: (trx: Store, each: T) => Promise<void>): Promise<void> {
  for (let start = 0; start < all.length; start += rowsAtOnce)
    await store.transaction(async (trx) => {
      for (const each of all.slice(start, start + rowsAtOnce)) await write(trx, each);
    });
}
