/** Users and their passwords. */
import { randomUUID } from 'node:crypto';
import { Fault } from '#domain/faults.ts';
import { type ListPage, type ListQuery, listRows } from '#store/list.ts';
import { listTables } from '#store/list-tables.ts';
import type { Store } from '#store/store.ts';
import type { User, UserOptions } from '#store/tables/users.ts';
import type { IdentityContext, StoreContext } from './context.ts';
import { type DirectoryContext, refuseWrite } from './directory/read-only.ts';
import { defaultDomainId, getDomain } from './domains.ts';
import { ofDomain, wholeList } from './lists.ts';
import type { LoginClient } from './login-guard.ts';
import { checkStrength, renewed, today } from './password-rules.ts';
import { removeTrusts } from './remove-trusts.ts';
import { refuseDuplicates } from './unique-names.ts';

/** Fields that a request may set; null means empty. */
export type UserFields = {
  readonly name: string;
  readonly password?: string | null;
  readonly default_project_id?: string | null;
  readonly domain_id?: string | null;
  readonly enabled?: boolean;
  readonly description?: string | null;
  readonly email?: string | null;
  readonly options?: OptionChanges;
};

/** Null unsets an option. */
type OptionChanges = { readonly [Name in keyof UserOptions]?: UserOptions[Name] | null };

/** @throws Fault `notFound` */
export async function getUser({ store }: StoreContext, id: string): Promise<User> {
  const user = await store.users.find({ id });
  if (!user) throw new Fault('notFound', { what: 'User', id });
  return user;
}

/** Of a domain (undefined: all), by name. Without `limit`, the whole list. */
export function listUsers({ store }: StoreContext, domain_id: string | undefined, query: ListQuery): Promise<ListPage<User>> {
  const source = { collection: store.users, table: listTables.users, visible: ofDomain(domain_id), maximum: wholeList };
  return listRows(source, query);
}

export function newUser(name: string, domain_id = defaultDomainId): User {
  return {
    id: randomUUID().replaceAll('-', ''),
    domain_id,
    name,
    origin: 'local',
    password_hash: '',
    token_revision: 0,
    project_id: '',
    is_admin: false,
    enabled: true,
    description: '',
    email: '',
    options: {},
    ...{ created_at: new Date().toISOString(), last_active_at: '', failed_logins: 0, failed_login_at: '' },
    ...{ password_changed_at: '', password_expires_at: null, password_by_user: false, former_passwords: [] },
  };
}

export async function createUser(context: IdentityContext, client: LoginClient, fields: UserFields): Promise<User> {
  const { id: domain_id } = await getDomain(context, fields.domain_id ?? defaultDomainId);
  refuseWrite(context, { domain_id });
  const made = { ...newUser(fields.name, domain_id), options: withOptions({}, fields.options) };
  const user = { ...made, ...(await changesOf(context, client, { user: made, fields })) };
  return context.store.transaction(async (trx) => {
    // Hashing took time: the domain may be gone.
    await getDomain({ store: trx }, domain_id);
    return refuseDuplicates(trx.users.insert(user), 'user', duplicate(user));
  });
}

/** `void_trusts`: ids of trusts for the user that a new password must not open. */
type Update = { readonly user: User; readonly fields: Partial<UserFields>; readonly void_trusts?: readonly string[] };

export async function updateUser(context: IdentityContext, client: LoginClient, update: Update): Promise<User> {
  const { user, fields, void_trusts = [] } = update;
  refuseWrite(context, user);
  if (user.origin === 'federated' && fields.password)
    throw new Fault('forbidden', { detail: `User ${user.name} logs in at an identity provider and has no password here.` });
  if (user.is_admin && fields.enabled === false)
    throw new Fault('conflict', { detail: `User ${user.name} is the administrator of the settings and stays enabled.` });
  if (fields.domain_id && fields.domain_id !== user.domain_id)
    throw new Fault('badRequest', { detail: 'Cannot change Domain ID.' });
  const options = fields.options === undefined ? user.options : withOptions(user.options, fields.options);
  const changes = {
    ...(await changesOf(context, client, { user: { ...user, options }, fields })),
    ...(fields.options !== undefined && { options }),
  };
  const changed = { ...user, ...changes };
  await context.store.transaction(async (trx) => {
    if (Object.keys(changes).length > 0)
      await refuseDuplicates(trx.users.update({ id: user.id }, changes), 'user', duplicate(changed));
    if (changes.password_hash || changes.enabled === false) await trx.users.revokeTokens(user.id);
    if (changes.password_hash) for (const id of void_trusts) await removeTrusts(trx, { id });
    // As in Keystone: a re-enabled user gets new ones.
    if (changes.enabled === false) await trx.application_credentials.remove({ user_id: user.id });
  });
  return changed;
}

function withOptions(former: UserOptions, changes: OptionChanges = {}): UserOptions {
  const all = Object.entries({ ...former, ...changes }).filter(([, value]) => value !== null);
  return Object.fromEntries(all);
}

function duplicate({ name, domain_id }: User): string {
  return `Duplicate entry found with name ${name} at domain ID ${domain_id}`;
}

async function changesOf(context: IdentityContext, client: LoginClient, { user, fields }: Update): Promise<Partial<User>> {
  if (fields.password) checkStrength(context.settings, fields.password);
  if (fields.default_project_id) await refuseDomain(context, fields.default_project_id);
  // As in Keystone, a default project need not exist: a manager of a domain would learn which projects others have.
  return {
    ...(fields.name !== undefined && { name: fields.name }),
    ...(fields.default_project_id !== undefined && { project_id: fields.default_project_id ?? '' }),
    ...(fields.enabled !== undefined && { enabled: fields.enabled }),
    // Whoever is enabled again is neither locked nor inactive.
    ...(fields.enabled === true && { failed_logins: 0, last_active_at: today() }),
    ...(fields.description !== undefined && { description: fields.description ?? '' }),
    ...(fields.email !== undefined && { email: fields.email ?? '' }),
    ...(fields.password &&
      renewed(context.settings, { user, by: 'administrator', ...(await hashed(context, client, fields.password)) })),
  };
}

/** No token of a domain is one of a project. */
async function refuseDomain({ store }: StoreContext, default_project_id: string): Promise<void> {
  if (!(await store.domains.find({ id: default_project_id }))) return;
  const detail = `User's default project ID cannot be a domain ID: ${default_project_id}`;
  throw new Fault('badRequest', { detail });
}

async function hashed({ logins }: IdentityContext, client: LoginClient, password: string) {
  return { password_hash: await logins.hash(client, password) };
}

export async function deleteUser(context: DirectoryContext, user: User): Promise<void> {
  refuseWrite(context, user);
  if (user.is_admin) throw new Fault('conflict', { detail: `User ${user.name} is the administrator of the settings.` });
  await context.store.transaction((trx) => removeUser(trx, user));
}

/** With what belongs to the user. */
export async function removeUser(store: Store, { id }: User): Promise<void> {
  await store.role_assignments.remove({ user_id: id });
  await store.group_members.remove({ user_id: id });
  await store.application_credentials.remove({ user_id: id });
  await removeTrusts(store, { trustor_user_id: id });
  await removeTrusts(store, { trustee_user_id: id });
  await store.access_rules.remove({ user_id: id });
  await store.credentials.remove({ user_id: id });
  await store.keypairs.remove({ user_id: id });
  await store.scope_token_revisions.remove({ user_id: id });
  await store.login_addresses.remove({ user_id: id });
  await store.users.remove({ id });
}
