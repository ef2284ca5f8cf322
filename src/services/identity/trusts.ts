/** Trusts: a user lets another one act with some of their roles in a project. */
import { randomUUID } from 'node:crypto';
import { Fault } from '#domain/faults.ts';
import type { Caller } from '#services/caller.ts';
import { type ListPage, type ListQuery, listRows } from '#store/list.ts';
import { listTables } from '#store/list-tables.ts';
import { LessThan } from '#store/query-parts.ts';
import type { Store } from '#store/store.ts';
import type { Trust } from '#store/tables/trusts.ts';
import type { IdentityContext, StoreContext } from './context.ts';
import { hasExpired } from './expiry.ts';
import { forbiddenAction } from './forbidden-action.ts';
import { wholeList } from './lists.ts';
import { removeTrusts } from './remove-trusts.ts';
import { allRolesIn } from './roles-in.ts';
import { projectScope } from './scopes.ts';
import type { TokenPayload } from './tokens.ts';
import { chainOf, checkRedelegation, longestRedelegation, trustNotFound } from './trust-chains.ts';
import { refuseDuplicates } from './unique-names.ts';
import { getUser } from './users.ts';
import { recheck } from './validate-token.ts';

/** Fields that a request may set; null means that Ingot chooses. */
export type TrustFields = {
  readonly trustor_user_id: string;
  readonly trustee_user_id: string;
  readonly impersonation: boolean;
  readonly project_id?: string | null;
  readonly roles?: readonly { readonly id?: string; readonly name?: string }[];
  readonly expires_at?: string | null;
  readonly remaining_uses?: number | null;
  readonly allow_redelegation?: boolean | null;
  readonly redelegation_count?: number | null;
};

/** Whatever the credential may do otherwise, as in Keystone: a trust would outlive it. */
export function refuseCredentials({ application_credential_id }: Caller): void {
  if (application_credential_id)
    throw forbiddenAction("Using method 'application_credential' is not allowed for managing trusts.");
}

/** One that has ended or was used up does not exist, as in Keystone. @throws Fault `notFound` */
export async function getTrust(context: StoreContext, id: string): Promise<Trust> {
  const trust = await getStoredTrust(context, id);
  if (hasExpired(trust) || trust.remaining_uses === 0) throw trustNotFound(id);
  return trust;
}

/** Also such a one: its last token ends with it. @throws Fault `notFound` */
export async function getStoredTrust({ store }: StoreContext, id: string): Promise<Trust> {
  const trust = await store.trusts.find({ id });
  if (!trust) throw trustNotFound(id);
  return trust;
}

export function listTrusts({ store }: StoreContext, query: ListQuery): Promise<ListPage<Trust>> {
  return listRows({ collection: store.trusts, table: listTables.trusts, visible: [], maximum: wholeList }, query);
}

type Requester = { readonly caller: Caller; readonly token: TokenPayload };

/** By the trustor, or by who acts as trustee of a trust that may be redelegated. */
export async function createTrust(context: IdentityContext, requester: Requester, fields: TrustFields): Promise<Trust> {
  const { caller } = requester;
  refuseCredentials(caller);
  if (fields.project_id && !fields.roles?.length) throw forbiddenAction('At least one role should be specified');
  if (fields.trustor_user_id !== caller.user_id) throw forbiddenAction('The authenticated user should match the trustor');
  const asked = { ...fields, project_id: fields.project_id ?? '', expires_at: expiryOf(fields.expires_at) };
  return context.store.transaction(async (trx) => {
    // A transaction waits for no directory.
    const within = { store: trx, tokens: context.tokens.trx(trx), directory: undefined };
    if (!(await recheck(within, requester.token))) throw new Fault('unauthorized');
    await getUser({ store: trx }, fields.trustee_user_id);
    await refuseMany(trx, caller.user_id);
    const formers = caller.trust_id === undefined ? [] : await chainOf(trx, await getTrust({ store: trx }, caller.trust_id));
    const trust: Omit<Trust, 'id'> = {
      ...{ trustor_user_id: caller.user_id, trustee_user_id: fields.trustee_user_id, project_id: asked.project_id },
      impersonation: fields.impersonation,
      roles: await rolesFor(trx, asked, formers.at(-1)?.trustor_user_id ?? caller.user_id),
      expires_at: asked.expires_at ?? formers[0]?.expires_at ?? null,
      remaining_uses: fields.remaining_uses ?? null,
      redelegated_trust_id: formers[0]?.id ?? null,
      redelegation_count: redelegationOf(fields, formers[0]),
    };
    for (const former of formers) checkRedelegation(former, trust);
    const id = randomUUID().replaceAll('-', '');
    const duplicate = 'Duplicate entry found with the same users, project and time';
    return refuseDuplicates(trx.trusts.insert({ id, ...trust }), 'trust', duplicate);
  });
}

/** Of each trustor. Keystone has no limit. */
const mostEach = 1000;

async function refuseMany({ trusts }: Store, trustor_user_id: string): Promise<void> {
  // The end of what was redelegated is not later.
  await trusts.remove({ trustor_user_id, expires_at: new LessThan<string | null>(new Date().toISOString()) });
  if ((await trusts.pick(['id'], { trustor_user_id }, { limit: mostEach })).length < mostEach) return;
  throw new Fault('forbidden', { detail: `Unable to create additional trusts: the user has ${mostEach} already.` });
}

type AskedRoles = { readonly project_id: string; readonly roles?: TrustFields['roles'] };

/** Only such as the holder has, also inherited, by a group or implied. @throws Fault `notFound` */
async function rolesFor(store: Store, { project_id, roles: asked = [] }: AskedRoles, holder_id: string): Promise<string[]> {
  const held = project_id === '' ? [] : await allRolesIn(store, holder_id, projectScope(project_id));
  const ids = asked.map(({ id, name }) => {
    const role = held.find((each) => (id === undefined ? each.domain_id === '' && each.name === name : each.id === id));
    if (role) return role.id;
    throw new Fault('notFound', { what: 'Role', id: id ?? name ?? '' });
  });
  return [...new Set(ids)];
}

function redelegationOf({ allow_redelegation, redelegation_count, remaining_uses }: TrustFields, former?: Trust): number {
  if (!allow_redelegation || redelegation_count === 0) return 0;
  if (redelegation_count && redelegation_count > longestRedelegation) {
    const detail = `Requested redelegation depth of ${redelegation_count} is greater than allowed ${longestRedelegation}`;
    throw new Fault('forbidden', { detail });
  }
  if (remaining_uses !== null && remaining_uses !== undefined)
    throw new Fault('badRequest', { detail: 'remaining_uses must not be set if redelegation is allowed' });
  const left = former && former.redelegation_count - 1;
  if (left !== undefined && redelegation_count && redelegation_count !== left) {
    const detail = 'Modifying "redelegation_count" upon redelegation is forbidden. Omitting this parameter is advised.';
    throw new Fault('forbidden', { detail });
  }
  return left ?? redelegation_count ?? longestRedelegation;
}

/** Of years with four digits: ends are also compared as texts. */
const latest = Date.parse('9999-12-31T23:59:59.999Z');
const cause =
  'The server could not comply with the request since it is either malformed or otherwise incorrect. The client is assumed to be in error.';

function expiryOf(text: string | null | undefined): string | null {
  if (text === null || text === undefined) return null;
  const time = Date.parse(text.endsWith('Z') ? text : `${text}Z`);
  if (Number.isNaN(time) || time > latest)
    throw new Fault('badRequest', { detail: `Timestamp not in expected format. ${cause}` });
  if (time <= Date.now()) throw new Fault('badRequest', { detail: `The 'expires_at' must not be before now. ${cause}` });
  return new Date(time).toISOString();
}

/**
 * With all that were redelegated from it: their tokens are void. Other than in Keystone, a token of a trust ends only this
 * trust and what follows from it, as Heat does, and not the other trusts of its trustor.
 */
export async function deleteTrust({ store }: StoreContext, caller: Caller, id: string): Promise<void> {
  refuseCredentials(caller);
  await store.transaction(async (trx) => {
    if (caller.trust_id !== undefined && !(await isFrom(trx, id, caller.trust_id)))
      throw forbiddenAction('A token of a trust can only delete this trust and those redelegated from it');
    if ((await removeTrusts(trx, { id })) === 0) throw trustNotFound(id);
  });
}

async function isFrom(store: Store, id: string, former_id: string): Promise<boolean> {
  let next: string | null = id;
  for (let length = 0; next !== null && length <= longestRedelegation; length += 1) {
    if (next === former_id) return true;
    next = (await store.trusts.find({ id: next }))?.redelegated_trust_id ?? null;
  }
  return false;
}
