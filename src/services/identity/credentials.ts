/** Credentials of users: EC2 keys, TOTP secrets and others. What they hold is encrypted in the database. */
import { createHash, randomUUID } from 'node:crypto';
import { Fault } from '#domain/faults.ts';
import type { Caller } from '#services/caller.ts';
import { type Condition, isEqual, isNot, isText } from '#store/conditions.ts';
import { type ListPage, type ListQuery, listRows } from '#store/list.ts';
import { listTables } from '#store/list-tables.ts';
import type { Store } from '#store/store.ts';
import type { Credential } from '#store/tables/credentials.ts';
import type { StoreContext } from './context.ts';
import { expecting } from './expecting.ts';
import { forbiddenAction } from './forbidden-action.ts';
import { wholeList } from './lists.ts';
import { getProject } from './projects.ts';
import { hasRole } from './roles-in.ts';
import { projectScope } from './scopes.ts';

export type CredentialFields = {
  readonly type: string;
  readonly blob: string;
  readonly user_id: string;
  readonly project_id?: string | null;
};

/** Of each user. */
const credentialsMost = 100;

/** @throws Fault `notFound` */
export async function getCredential({ store }: StoreContext, id: string): Promise<Credential> {
  const credential = await store.credentials.find({ id });
  if (!credential) throw new Fault('notFound', { what: 'Credential', id });
  return credential;
}

/** @param user_id undefined: of all users */
export function listCredentials(
  { store }: StoreContext,
  caller: Caller,
  { user_id, query }: { readonly user_id: string | undefined; readonly query: ListQuery },
): Promise<ListPage<Credential>> {
  const visible: Condition[] = [
    ...(user_id === undefined ? [] : [isEqual('user_id', user_id)]),
    ...(isDelegated(caller)
      ? [isEqual('project_id', caller.project_id), ...secretTypes.map((type) => isNot(isText('type', type)))]
      : []),
  ];
  return listRows({ collection: store.credentials, table: listTables.credentials, visible, maximum: wholeList }, query);
}

export function isDelegated({ application_credential_id, trust_id }: Caller): boolean {
  return application_credential_id !== undefined || trust_id !== undefined;
}

/** What was delegated for a project reaches the credentials of this project alone, and none of the user's own. */
export function refuseDelegated(caller: Caller, project_id: string | null | undefined): void {
  if (!isDelegated(caller) || project_id === caller.project_id) return;
  throw forbiddenAction('Credential project does not match the project scope of the delegated token');
}

/**
 * What makes a login with more than was delegated: the secret of passcodes, for any project, and that of EC2 keys, with all
 * roles of the user in theirs. Keystone shows the latter to whoever has a token for their project.
 */
export function refuseLoginSecret(caller: Caller, { type }: { readonly type: string }): void {
  if (!isDelegated(caller) || !secretTypes.includes(type.toLowerCase())) return;
  throw forbiddenAction('Secrets of passcodes and EC2 keys are not accessible by a delegated token');
}

/** What was delegated makes no other way to log in. Keystone lets keys of a trust be made, which end with it. */
export function refuseNewKey(caller: Caller): void {
  if (caller.trust_id) throw forbiddenAction('Cannot manage EC2 credentials with a token issued via delegation');
  if (!isDelegated(caller)) return;
  throw forbiddenAction("Using method 'application_credential' is not allowed for managing additional credentials.");
}

/** Logins read them (`proofs.ts`). */
const secretTypes: readonly string[] = ['totp', 'ec2'];

export const isEc2 = ({ type }: { readonly type: string }) => type.toLowerCase() === 'ec2';

/** EC2 keys are found by their access key. */
export function idOfAccessKey(access: string): string {
  return createHash('sha256').update(access).digest('hex');
}

export type Ec2Blob = { readonly access: string; readonly secret?: string };

/** @throws Fault `badRequest` */
export function readEc2Blob(blob: string): Ec2Blob {
  const parsed = parse(blob);
  if (typeof parsed !== 'object' || parsed === null || Object.keys(parsed).length === 0) throw expecting('blob', 'credential');
  const { access, secret } = parsed as { access?: unknown; secret?: unknown };
  if (typeof access !== 'string') throw expecting('access', 'credential');
  return { access, ...(typeof secret === 'string' && { secret }) };
}

function parse(blob: string): unknown {
  try {
    return JSON.parse(blob);
  } catch {
    throw new Fault('badRequest', { detail: 'Invalid blob in credential' });
  }
}

/** Keystone's requests may have further members: they never reach a column, such as the id. */
function pickFields({ type, blob, user_id, project_id }: Partial<CredentialFields>) {
  return {
    ...(type !== undefined && { type }),
    ...(blob !== undefined && { blob }),
    ...(user_id !== undefined && { user_id }),
    ...(project_id !== undefined && { project_id }),
  };
}

export async function createCredential({ store }: StoreContext, fields: CredentialFields): Promise<Credential> {
  const { type, blob, user_id, project_id = null } = fields;
  const id = isEc2(fields) ? idOfAccessKey(readEc2Blob(fields.blob).access) : randomUUID().replaceAll('-', '');
  return store.transaction(async (trx) => {
    await checkOwner(trx, fields);
    if (isEc2(fields) && !fields.project_id) throw expecting('project_id', 'credential');
    if ((await trx.credentials.pick(['id'], { user_id }, { limit: credentialsMost })).length >= credentialsMost)
      throw new Fault('forbidden', {
        detail: `Unable to create additional credentials, maximum of ${credentialsMost} already exceeded for user.`,
      });
    if (await trx.credentials.find({ id })) throw duplicate(id);
    return trx.credentials.insert({ id, type, blob, user_id, project_id });
  });
}

/** The id stays, also if an access key changes: as in Keystone, it is then no longer found. */
export async function updateCredential(
  { store }: StoreContext,
  { id }: Credential,
  fields: Partial<CredentialFields>,
): Promise<Credential> {
  return store.transaction(async (trx) => {
    const credential = await getCredential({ store: trx }, id);
    const changed = { ...credential, ...pickFields(fields) };
    if (isEc2(changed)) readEc2Blob(changed.blob);
    if (isEc2(changed) && !changed.project_id) throw expecting('project_id', 'credential');
    await checkOwner(trx, fields);
    await trx.credentials.update({ id }, changed);
    return changed;
  });
}

/** The project need not exist: whether it does is not for everyone to know, and keys of one without a role are of no use. */
async function checkOwner(store: Store, { user_id }: Partial<CredentialFields>): Promise<void> {
  if (user_id !== undefined && !(await store.users.find({ id: user_id })))
    throw new Fault('notFound', { what: 'User', id: user_id });
}

function duplicate(id: string): Fault {
  return new Fault('conflict', {
    detail: `Conflict occurred attempting to store credential - Duplicate entry found with ID ${id}.`,
  });
}

/** EC2 keys with a new access key and a secret. */
export async function createEc2Keys(
  context: StoreContext,
  caller: Caller,
  { user_id, project_id }: { readonly user_id: string; readonly project_id: string },
): Promise<Credential> {
  const mayKnow = caller.is_admin || (await hasRole(context.store, user_id, projectScope(project_id)));
  if (!mayKnow) throw new Fault('notFound', { what: 'Project', id: project_id });
  await getProject(context, project_id);
  const [access, secret] = [randomUUID(), randomUUID()].map((uuid) => uuid.replaceAll('-', ''));
  const blob = JSON.stringify({ access, secret, trust_id: null });
  return createCredential(context, { type: 'ec2', blob, user_id, project_id });
}

/** Of this access key, and of this user. @throws Fault `notFound` */
export async function getEc2Keys({ store }: StoreContext, { user_id, access }: { user_id: string; access: string }) {
  const credential = await store.credentials.find({ id: idOfAccessKey(access), user_id });
  if (!credential || !isEc2(credential)) throw new Fault('notFound', { what: 'Credential', id: access });
  return credential;
}
