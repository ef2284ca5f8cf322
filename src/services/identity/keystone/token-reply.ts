/** A token as an existing Keystone shows it, and the caller that follows from it. */
import { type Static, Type } from 'typebox';
import { Compile } from 'typebox/compile';
import type { Scope } from '#store/tables/role-assignments.ts';
import { domainScope, projectScope, systemScope } from '../scopes.ts';
import type { FoundCaller } from '../token-reader.ts';
import { KeystoneError } from './keystone-http.ts';

const Id = Type.String({ minLength: 1, maxLength: 255 });
const Named = Type.Object({ id: Id, name: Type.String({ maxLength: 255 }) });
const InDomain = Type.Object({ ...Named.properties, domain: Type.Object({ id: Type.Union([Id, Type.Null()]) }) });
/** Each request is compared with all of them. */
const AccessRule = Type.Object({
  ...{ id: Id, service: Type.String({ maxLength: 255 }), method: Type.String({ maxLength: 16 }) },
  path: Type.String({ maxLength: 255 }),
});
const Time = Type.String({ pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d+)?Z$' });

const TokenReply = Type.Object({
  token: Type.Object({
    methods: Type.Array(Type.String({ maxLength: 255 }), { minItems: 1, maxItems: 32 }),
    user: InDomain,
    audit_ids: Type.Array(Id, { minItems: 1, maxItems: 32 }),
    issued_at: Time,
    expires_at: Time,
    project: Type.Optional(InDomain),
    domain: Type.Optional(Named),
    system: Type.Optional(Type.Object({ all: Type.Literal(true) })),
    roles: Type.Optional(Type.Array(Named, { maxItems: 1000 })),
    application_credential: Type.Optional(
      Type.Object({ id: Id, access_rules: Type.Optional(Type.Array(AccessRule, { maxItems: 256 })) }),
    ),
  }),
});
type TokenReply = Static<typeof TokenReply>;
const replyCheck = Compile(TokenReply);

/** @throws KeystoneError */
export function readTokenReply(body: unknown): FoundCaller {
  if (!replyCheck.Check(body)) throw new KeystoneError('its reply is no token of the Identity API v3');
  const { token } = body;
  const { user, methods, audit_ids, roles = [] } = token;
  const credential = token.application_credential && { application_credential_id: token.application_credential.id };
  const names = roles.map(({ name }) => name);
  const rules = token.application_credential?.access_rules;
  const payload = {
    ...{ user_id: user.id, methods, audit_ids, scope: scopeOf(token), user_revision: 0, scope_revision: 0 },
    issued_at: timeOf(token.issued_at),
    expires_at: timeOf(token.expires_at),
    ...credential,
  };
  const caller = {
    ...{ user_id: user.id, user_name: user.name, ...placeOf(token), ...credential },
    ...{ roles: names, is_admin: names.some((name) => name.toLowerCase() === 'admin') },
    ...(rules && {
      access_rules: rules.map(({ id, service, method, path }) => ({ id, user_id: user.id, service, method, path })),
    }),
  };
  return { payload, caller };
}

/** Of the right form, it may still be in month 13. */
function timeOf(text: string): string {
  const time = new Date(text);
  if (Number.isNaN(time.getTime())) throw new KeystoneError('its reply has a time that is none');
  return time.toISOString();
}

type Token = TokenReply['token'];

function scopeOf({ project, domain, system }: Token): Scope | null {
  if (system) return systemScope;
  if (domain) return domainScope(domain.id);
  return project ? projectScope(project.id) : null;
}

function placeOf({ project, domain, system }: Token) {
  const none = { project_id: '', project_name: '' };
  if (system) return { ...none, system_scope: 'all' as const };
  if (domain) return { ...none, domain_id: domain.id };
  if (!project) return none;
  // A project that is a domain has none above it.
  return { project_id: project.id, project_name: project.name, project_domain_id: project.domain.id ?? project.id };
}
