/** Application credentials: secrets for programs, limited to one project and selected roles. */
import { randomBytes, randomUUID } from 'node:crypto';
import { Fault } from '#domain/faults.ts';
import type { Caller } from '#services/caller.ts';
import { isEqual } from '#store/conditions.ts';
import { type ListPage, type ListQuery, listRows } from '#store/list.ts';
import { listTables } from '#store/list-tables.ts';
import type { Store } from '#store/store.ts';
import type { ApplicationCredential } from '#store/tables/application-credentials.ts';
import { type AccessRuleFields, accessRulesFor } from './access-rules.ts';
import type { IdentityContext, StoreContext } from './context.ts';
import { forbiddenAction } from './forbidden-action.ts';
import { wholeList } from './lists.ts';
import type { LoginClient } from './login-guard.ts';
import { readRoleGraph } from './role-graph.ts';
import type { TokenPayload } from './tokens.ts';
import { refuseDuplicates } from './unique-names.ts';
import { recheck } from './validate-token.ts';

/** Fields that a request may set; null means that Ingot chooses. */
export type CredentialFields = {
  readonly name: string;
  readonly description?: string | null;
  readonly secret?: string | null;
  readonly expires_at?: string | null;
  readonly roles?: readonly { readonly id?: string; readonly name?: string }[];
  readonly unrestricted?: boolean;
  readonly access_rules?: readonly AccessRuleFields[];
};

/** @throws Fault `notFound` */
export async function getCredential(
  { store }: StoreContext,
  where: { id: string; user_id: string },
): Promise<ApplicationCredential> {
  const credential = await store.application_credentials.find(where);
  if (!credential) throw new Fault('notFound', { what: 'Application Credential', id: where.id });
  return credential;
}

/** By name. */
export function listCredentials(
  { store }: StoreContext,
  user_id: string,
  query: ListQuery,
): Promise<ListPage<ApplicationCredential>> {
  const source = { collection: store.application_credentials, table: listTables.application_credentials };
  return listRows({ ...source, visible: [isEqual('user_id', user_id)], maximum: wholeList }, query);
}

/** As Keystone rejects it for credentials that are not `unrestricted`: a leaked one must not manage the others. */
export function refuseRestricted({ application_credential_id, is_unrestricted }: Caller): void {
  if (application_credential_id && !is_unrestricted)
    throw forbiddenAction(
      "Using method 'application_credential' is not allowed for managing additional application credentials.",
    );
}

/** A credential made by the token of a trust would outlive the trust. The same goes for access rules. */
export function refuseTrusts({ trust_id }: Caller): void {
  if (trust_id)
    throw new Fault('forbidden', { detail: 'Cannot manage application credentials with a token issued via delegation.' });
}

type Requester = { readonly client: LoginClient; readonly caller: Caller; readonly token: TokenPayload };

/** @returns the credential, and its secret, which is stored only as a hash */
export async function createCredential(context: IdentityContext, requester: Requester, fields: CredentialFields) {
  const { caller } = requester;
  refuseTrusts(caller);
  refuseRestricted(caller);
  if (!caller.project_id) throw new Fault('forbidden', { detail: 'An application credential requires a project-scoped token.' });
  await refuseMany(context.store, caller.user_id);
  const secret = fields.secret ?? randomBytes(48).toString('base64url');
  const credential: Omit<ApplicationCredential, 'access_rules'> = {
    ...{ id: randomUUID().replaceAll('-', ''), name: fields.name, user_id: caller.user_id, project_id: caller.project_id },
    roles: await rolesFor(context.store, caller.roles, fields.roles),
    expires_at: expiryOf(fields.expires_at),
    unrestricted: fields.unrestricted ?? false,
    secret_hash: await context.logins.hash(requester.client, secret),
    description: fields.description ?? '',
  };
  const inserted = await context.store.transaction(async (trx) => {
    // Hashing took time: access revoked meanwhile must not persist in the credential. A transaction waits for no directory.
    const within = { store: trx, tokens: context.tokens.trx(trx), directory: undefined };
    if (!(await recheck(within, requester.token))) throw new Fault('unauthorized');
    await refuseMany(trx, caller.user_id);
    const duplicate = `Duplicate entry found with name ${fields.name}`;
    const access_rules = await accessRulesFor(trx, caller.user_id, fields.access_rules ?? []);
    return refuseDuplicates(
      trx.application_credentials.insert({ ...credential, access_rules }),
      'application_credential',
      duplicate,
    );
  });
  return { credential: inserted, secret };
}

/** Keystone's `[application_credential] user_limit`, expired ones included. */
const mostEach = 100;

async function refuseMany({ application_credentials }: Store, user_id: string): Promise<void> {
  if ((await application_credentials.pick(['id'], { user_id })).length < mostEach) return;
  const detail = `Unable to create additional application credentials, maximum of ${mostEach} already exceeded for user.`;
  throw new Fault('forbidden', { detail });
}

async function rolesFor(store: Store, own: readonly string[], asked: CredentialFields['roles']): Promise<string[]> {
  const known = await store.roles.list({ domain_id: '', name: own });
  const chosen = (asked ?? known).map(({ id, name }) => {
    const role = known.find((each) => each.id === id || (id === undefined && each.name === name));
    if (role) return role.id;
    throw new Fault('badRequest', { detail: `Role ${name ?? id ?? ''} is not among your roles in this project.` });
  });
  return (await readRoleGraph(store)).inToken(chosen).map(({ id }) => id);
}

function expiryOf(text: string | null | undefined): string | null {
  if (!text) return null;
  const time = Date.parse(/[zZ]|[+-]\d\d:?\d\d$/.test(text) ? text : `${text}Z`);
  const isFuture = time > Date.now();
  if (!isFuture)
    throw new Fault('badRequest', { detail: 'Invalid input for field/attribute expires_at: it must be a time to come.' });
  return new Date(time).toISOString();
}
