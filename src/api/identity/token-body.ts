/** A token as Keystone shows it, whatever its scope. */
import type { FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import type { Caller } from '#services/caller.ts';
import { getDomain } from '#services/identity/domains.ts';
import { holds } from '#services/identity/federation/membership.ts';
import { getProject } from '#services/identity/projects.ts';
import type { TokenPayload } from '#services/identity/tokens.ts';
import { getUser } from '#services/identity/users.ts';
import type { ApiContext } from '../context.ts';
import { Nullable } from '../http/schemas.ts';
import { ShownAccessRule, shownAccessRule } from './access-rules.ts';
import { CatalogEntry, catalogOf } from './catalog.ts';
import { InDomain, Named } from './schemas.ts';
import { shownExpiry } from './user-view.ts';

export type Subject = { readonly payload: TokenPayload; readonly caller: Caller };

export const TokenQuery = Type.Object({
  nocatalog: Type.Optional(Type.String()),
  allow_expired: Type.Optional(Type.String()),
});
const WithId = Type.Object({ id: Type.String() });
export const SystemScope = Type.Object({ all: Type.Literal(true) });
const Token = Type.Object({
  methods: Type.Array(Type.String()),
  user: Type.Object({
    ...{ ...InDomain.properties, password_expires_at: Nullable(Type.String()) },
    'OS-FEDERATION': Type.Optional(Type.Object({ identity_provider: WithId, protocol: WithId, groups: Type.Array(WithId) })),
  }),
  audit_ids: Type.Array(Type.String()),
  issued_at: Type.String(),
  expires_at: Type.String(),
  ...{ is_domain: Type.Optional(Type.Boolean()), project: Type.Optional(InDomain) },
  ...{ domain: Type.Optional(Named), system: Type.Optional(SystemScope) },
  roles: Type.Optional(Type.Array(Named)),
  catalog: Type.Optional(Type.Array(CatalogEntry)),
  'OS-TRUST:trust': Type.Optional(
    Type.Object({
      id: Type.String(),
      impersonation: Type.Boolean(),
      trustor_user: Type.Object({ id: Type.String() }),
      trustee_user: Type.Object({ id: Type.String() }),
    }),
  ),
  application_credential: Type.Optional(
    Type.Object({
      id: Type.String(),
      name: Type.String(),
      restricted: Type.Boolean(),
      access_rules: Type.Optional(Type.Array(ShownAccessRule)),
    }),
  ),
});
type Token = Static<typeof Token>;
export const TokenReply = Type.Object({ token: Token });

export async function tokenBody(context: ApiContext, request: FastifyRequest, { payload, caller }: Subject): Promise<Token> {
  const { nocatalog } = request.query as { nocatalog?: string };
  const user = await getUser(context, caller.user_id);
  const body = {
    methods: payload.methods,
    user: {
      ...{ id: user.id, name: user.name, domain: await domainLink(context, user.domain_id) },
      password_expires_at: shownExpiry(user),
      ...(payload.federation && { 'OS-FEDERATION': await federationBody(context, user.id, payload.federation) }),
    },
    audit_ids: shownAuditIds(payload),
    issued_at: payload.issued_at,
    expires_at: payload.expires_at,
  };
  if (!payload.scope) return body;
  return {
    ...body,
    ...(await scopeBody(context, caller)),
    roles: await rolesOf(context, caller),
    ...(nocatalog === undefined && { catalog: await catalogOf(context, request, caller) }),
    ...(payload.trust && (await trustBody(context, payload.trust.id))),
    ...(payload.application_credential_id && (await credentialBody(context, payload.application_credential_id, caller))),
  };
}

type Federation = NonNullable<TokenPayload['federation']>;

async function federationBody({ store }: ApiContext, user_id: string, { identity_provider, protocol }: Federation) {
  const members = (await store.group_members.list({ user_id })).filter((member) => member.expires_at !== '' && holds(member));
  return {
    identity_provider: { id: identity_provider },
    protocol: { id: protocol },
    groups: members.map(({ group_id }) => ({ id: group_id })),
  };
}

async function scopeBody(context: ApiContext, { system_scope, domain_id, project_id }: Caller): Promise<Partial<Token>> {
  if (system_scope) return { system: { all: true } };
  if (domain_id !== undefined) return { domain: await domainLink(context, domain_id) };
  const { id, name, domain_id: home } = await getProject(context, project_id);
  return { is_domain: false, project: { id, name, domain: await domainLink(context, home) } };
}

/** By their names, which are unique among the roles that tokens have. */
async function rolesOf({ store }: ApiContext, { roles }: Caller) {
  const ids = new Map((await store.roles.list({ domain_id: '', name: roles })).map(({ id, name }) => [name, id]));
  return roles.map((name) => ({ id: ids.get(name) ?? name, name }));
}

async function domainLink(context: ApiContext, id: string) {
  return { id, name: (await getDomain(context, id)).name };
}

async function credentialBody({ store }: ApiContext, id: string, { access_rules, is_unrestricted }: Caller) {
  const credential = await store.application_credentials.find({ id });
  const rules = access_rules && { access_rules: access_rules.map(shownAccessRule) };
  return { application_credential: { id, name: credential?.name ?? '', restricted: !is_unrestricted, ...rules } };
}

/** Also of one that was used up: its last token is as good as the others. */
async function trustBody({ store }: ApiContext, trust_id: string) {
  const trust = await store.trusts.find({ id: trust_id });
  if (!trust) throw new Fault('unauthorized');
  const { id, impersonation, trustor_user_id, trustee_user_id } = trust;
  const users = { trustor_user: { id: trustor_user_id }, trustee_user: { id: trustee_user_id } };
  return { 'OS-TRUST:trust': { id, impersonation, ...users } };
}

/** As Keystone shows them: the token's own, and that of the first token of its chain. */
function shownAuditIds({ audit_ids }: TokenPayload): string[] {
  return [...new Set([audit_ids[0] ?? '', audit_ids.at(-1) ?? ''])];
}
