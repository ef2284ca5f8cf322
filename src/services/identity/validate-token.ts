/** A token's caller: who sent it, in which scope, with which roles. */
import type { Caller } from '#services/caller.ts';
import type { ApplicationCredential } from '#store/tables/application-credentials.ts';
import type { Scope } from '#store/tables/role-assignments.ts';
import type { Role } from '#store/tables/roles.ts';
import type { User } from '#store/tables/users.ts';
import type { IdentityContext } from './context.ts';
import { isDomainEnabled } from './domains.ts';
import { hasExpired } from './expiry.ts';
import { isProviderEnabled } from './federation/providers.ts';
import { isUsable } from './projects.ts';
import { readRoleGraph } from './role-graph.ts';
import { rolesIn } from './roles-in.ts';
import type { TokenPayload } from './tokens.ts';
import { findStanding } from './trust-chains.ts';

type TokenContext = Pick<IdentityContext, 'store' | 'tokens' | 'directory'>;

/**
 * A token's payload and its caller; undefined for an invalid, expired or revoked token. @throws Fault `directoryUnavailable`,
 * like all below
 */
export async function readToken(
  context: TokenContext,
  token: string,
): Promise<{ payload: TokenPayload; caller: Caller } | undefined> {
  // Read first: a write from now on makes what follows outdated.
  const { accessRevision } = context.store;
  const known = context.tokens.known.find(token, accessRevision);
  if (known) return known;
  const payload = await context.tokens.verify(token);
  const caller = payload && (await callerOf(context, payload));
  if (!caller) return undefined;
  context.tokens.known.keep(token, { payload, caller }, accessRevision);
  return { payload, caller };
}

/** The same of a token that may have expired, but not longer ago than that. */
export async function readExpired(context: TokenContext, token: string, graceMs: number) {
  const payload = await context.tokens.verify(token, graceMs);
  const caller = payload && (await callerOf(context, payload));
  return caller && { payload, caller };
}

/** Repeats the check for long requests: undefined once the token was revoked or its user lost access. */
export async function recheck(context: TokenContext, payload: TokenPayload): Promise<Caller | undefined> {
  return (await context.tokens.isLive(payload)) ? callerOf(context, payload) : undefined;
}

/** undefined if user, scope or credential are gone, no longer belong together, or tokens were revoked since. */
async function callerOf(context: TokenContext, payload: TokenPayload): Promise<Caller | undefined> {
  const user = await context.store.users.find({ id: payload.user_id });
  if (!user?.enabled || user.token_revision !== payload.user_revision) return undefined;
  if (!(await isDomainEnabled(context, user))) return undefined;
  if (!(await isProviderEnabled(context.store, user))) return undefined;
  await context.directory?.refuseOutdated(user);
  const { application_credential_id, scope, trust } = payload;
  if (trust) return trusteeOf(context, user, { ...payload, trust });
  const identity = { user_id: user.id, user_name: user.name, ...(application_credential_id && { application_credential_id }) };
  if (scope === null) return { ...identity, project_id: '', project_name: '', roles: [], is_admin: false };
  const place = await scopeFields[scope.scope_type](context, scope.scope_id);
  const revision = await context.store.scope_token_revisions.revisionOf({ user_id: user.id, ...scope });
  if (!place || revision !== payload.scope_revision) return undefined;
  const credential = application_credential_id ? await credentialOf(context, application_credential_id) : undefined;
  if (application_credential_id && !credential) return undefined;
  const roles = (await rolesOf(context, user, { credential, scope })).map(({ name }) => name);
  const rules = credential && (await limitsOf(context, credential));
  return roles.length === 0 ? undefined : { ...identity, ...place, roles, is_admin: roles.includes('admin'), ...rules };
}

type TrustPayload = TokenPayload & Required<Pick<TokenPayload, 'trust'>>;

/** Who acts by a trust: the trustee, or as the trustor. */
async function trusteeOf(context: TokenContext, trustee: User, payload: TrustPayload): Promise<Caller | undefined> {
  const { trust: given, scope, scope_revision } = payload;
  const standing = await findStanding(context.store, given.id);
  if (!standing || !scope || standing.revision !== given.revision) return undefined;
  const { trust, holder_id, roles } = standing;
  for (const agent of standing.agents) await context.directory?.refuseOutdated(agent);
  const place = await scopeFields[scope.scope_type](context, scope.scope_id);
  const revision = await context.store.scope_token_revisions.revisionOf({ user_id: holder_id, ...scope });
  if (!place || revision !== scope_revision || trust.trustee_user_id !== trustee.id) return undefined;
  const user = trust.impersonation ? await context.store.users.find({ id: trust.trustor_user_id }) : trustee;
  const names = roles.map(({ name }) => name);
  if (!user || names.length === 0) return undefined;
  const identity = { user_id: user.id, user_name: user.name, trust_id: trust.id };
  return { ...identity, ...place, roles: names, is_admin: names.includes('admin') };
}

type ScopeFields = Pick<Caller, 'project_id' | 'project_name' | 'project_domain_id' | 'domain_id' | 'system_scope'>;

/** The caller's fields for each type of scope; undefined if the project or domain is gone or disabled. */
const scopeFields: Record<Scope['scope_type'], (context: TokenContext, id: string) => Promise<ScopeFields | undefined>> = {
  system: async () => ({ project_id: '', project_name: '', system_scope: 'all' }),
  domain: async ({ store }, id) => {
    const domain = await store.domains.find({ id });
    return domain?.enabled ? { project_id: '', project_name: '', domain_id: id } : undefined;
  },
  project: async (context, id) => {
    const project = await context.store.projects.find({ id });
    if (!project || !(await isUsable(context, project))) return undefined;
    return { project_id: id, project_name: project.name, project_domain_id: project.domain_id };
  },
};

type Granted = { readonly credential: ApplicationCredential | undefined; readonly scope: Scope };

/** undefined once it has expired. */
async function credentialOf({ store }: TokenContext, id: string): Promise<ApplicationCredential | undefined> {
  const credential = await store.application_credentials.find({ id });
  return credential && !hasExpired(credential) ? credential : undefined;
}

/** What the token may be used for. */
async function limitsOf({ store }: TokenContext, { access_rules: id, unrestricted }: ApplicationCredential) {
  const access_rules = id.length === 0 ? undefined : await store.access_rules.list({ id });
  return { ...(unrestricted && { is_unrestricted: true as const }), ...(access_rules && { access_rules }) };
}

/** A token of an application credential has only the credential's roles. */
async function rolesOf({ store }: TokenContext, user: User, { credential, scope }: Granted): Promise<Role[]> {
  const roles = await rolesIn(store, user.id, scope);
  if (!credential) return roles;
  const limited = roles.filter(({ id }) => credential.roles.includes(id));
  return (await readRoleGraph(store)).inToken(limited.map(({ id }) => id));
}
