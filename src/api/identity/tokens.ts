/** `/auth/…`: issue, show and revoke tokens; the scopes and services available to a token. */
import type { FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import type { Caller } from '#services/caller.ts';
import { authenticate } from '#services/identity/authenticate.ts';
import { changePassword } from '#services/identity/change-password.ts';
import { domainsOf } from '#services/identity/domains-of-user.ts';
import { longestPassword } from '#services/identity/passwords.ts';
import { projectsOf } from '#services/identity/projects.ts';
import { hasRole } from '#services/identity/roles-in.ts';
import { systemScope } from '#services/identity/scopes.ts';
import { readExpired, readToken, recheck } from '#services/identity/validate-token.ts';
import type { ApiContext } from '../context.ts';
import { CatalogEntry, catalogOf } from './catalog.ts';
import { domainView } from './domains.ts';
import { linksTo, selfLink } from './links.ts';
import { Login } from './login.ts';
import { loginClientOf } from './login-client.ts';
import { allows, route } from './policy.ts';
import { ProjectsReply, projectView } from './project-view.ts';
import { receiptBody } from './receipt-body.ts';
import { CollectionLinks, SelfLink } from './schemas.ts';
import { type Subject, SystemScope, TokenQuery, TokenReply, tokenBody } from './token-body.ts';

/** The request is unauthenticated; a login is small. */
const loginBytes = 64 * 1024;
const Password = Type.String({ maxLength: longestPassword });
const NewPassword = Type.String({ minLength: 1, maxLength: longestPassword });

/** The only requests without a token. */
export const loginRoutes = [
  route({
    method: 'POST',
    path: '/auth/tokens',
    policy: { public: 'a login' },
    summary: 'Log in by password, passcode, token or application credential; the token is in the header X-Subject-Token',
    status: 201,
    query: TokenQuery,
    body: Type.Object({ auth: Login }),
    bodyLimit: loginBytes,
    reply: Type.Unsafe<object>(TokenReply),
    async handler(request, context, reply) {
      const receipt = request.headers['openstack-auth-receipt'] as string | undefined;
      const result = await authenticate(context, loginClientOf(request), { ...request.body.auth, receipt });
      if ('required' in result) {
        reply.code(401).header('openstack-auth-receipt', result.receipt);
        return receiptBody(context, result);
      }
      const { token, payload } = result;
      const caller = await recheck(context, payload);
      if (!caller) throw new Fault('unauthorized');
      reply.header('x-subject-token', token).header('vary', 'X-Auth-Token');
      return { token: await tokenBody(context, request, { payload, caller }) };
    },
  }),
  route({
    method: 'POST',
    path: '/users/:user_id/password',
    policy: { public: 'who knows the former password' },
    summary: "Change one's own password, also one that has expired; all tokens become invalid",
    status: 204,
    body: Type.Object({
      user: Type.Object({ password: NewPassword, original_password: Password }, { additionalProperties: false }),
    }),
    bodyLimit: loginBytes,
    async handler(request, context) {
      const { user_id } = request.params;
      await changePassword(context, loginClientOf(request), { user_id, ...request.body.user });
    },
  }),
];

export const tokenRoutes = [
  route({
    method: 'GET',
    path: '/auth/tokens',
    policy: 'identity:validate_token',
    summary: 'Show the token in the header X-Subject-Token',
    query: TokenQuery,
    reply: TokenReply,
    async handler(request, context, reply) {
      const subject = await findSubject(context, request, 'identity:validate_token');
      reply.header('x-subject-token', request.headers['x-subject-token']).header('vary', 'X-Auth-Token');
      return { token: await tokenBody(context, request, subject) };
    },
  }),
  route({
    method: 'DELETE',
    path: '/auth/tokens',
    policy: 'identity:revoke_token',
    summary: 'Revoke the token in the header X-Subject-Token, and all that were derived from it',
    status: 204,
    async handler(request, context) {
      const { payload } = await findSubject(context, request, 'identity:revoke_token');
      await context.tokens.revoke(payload);
    },
  }),
  route({
    method: 'GET',
    path: '/auth/catalog',
    policy: 'identity:get_auth_catalog',
    summary: 'Get the service catalogue of the project of the token',
    reply: Type.Object({ catalog: Type.Array(CatalogEntry), links: SelfLink }),
    async handler(request, context) {
      if (!request.caller.project_id)
        throw new Fault('forbidden', { detail: 'A project-scoped token is required to produce a service catalog.' });
      return { catalog: await catalogOf(context, request, request.caller), links: selfLink(context, request, '/auth/catalog') };
    },
  }),
  route({
    method: 'GET',
    path: '/auth/projects',
    policy: 'identity:get_auth_projects',
    summary: 'List the projects for which the user can get a token',
    reply: ProjectsReply,
    async handler(request, context) {
      const projects = await projectsOf(context, request.caller.user_id);
      return { projects: projects.map(projectView.of(request, context)), links: linksTo(context, request, '/auth/projects') };
    },
  }),
  route({
    method: 'GET',
    path: '/auth/domains',
    policy: 'identity:get_auth_domains',
    summary: 'List the domains for which the user can get a token',
    reply: Type.Object({ domains: Type.Array(domainView.schema), links: CollectionLinks }),
    async handler(request, context) {
      const domains = await domainsOf(context, request.caller.user_id);
      return { domains: domains.map(domainView.of(request, context)), links: linksTo(context, request, '/auth/domains') };
    },
  }),
  route({
    method: 'GET',
    path: '/auth/system',
    policy: 'identity:get_auth_system',
    summary: 'Show whether the user can get a token for the system',
    reply: Type.Object({ system: Type.Array(SystemScope), links: SelfLink }),
    handler: async (request, context) => ({
      system: (await hasRole(context.store, request.caller.user_id, systemScope)) ? [{ all: true } as const] : [],
      links: selfLink(context, request, '/auth/system'),
    }),
  }),
];

type SubjectRule = 'identity:validate_token' | 'identity:revoke_token';

/** The subject token: the caller's own, or any whom the rule allows it. An invalid one is not found, as in Keystone. */
async function findSubject(context: ApiContext, request: FastifyRequest, rule: SubjectRule): Promise<Subject> {
  const token = request.headers['x-subject-token'];
  if (typeof token !== 'string') throw new Fault('badRequest', { detail: 'Header X-Subject-Token is missing.' });
  const isOld = rule === 'identity:validate_token' && isAllowed((request.query as Static<typeof TokenQuery>).allow_expired);
  const graceMs = isOld ? context.settings['token.allow_expired_window'] * 1000 : 0;
  const found = isOld ? await readExpired(context, token, graceMs) : await readToken(context, token);
  if (!found || !isSubject(request, rule, found) || !mayShow(request, rule, found.caller))
    throw new Fault('notFound', { what: 'Token', id: '(X-Subject-Token)' });
  return found;
}

/** Of a trust, the token is the trustee's, also where it is shown as the trustor's. */
function isSubject(request: FastifyRequest, rule: SubjectRule, { payload, caller }: Subject): boolean {
  const users = new Set([payload.user_id, caller.user_id]);
  return [...users].some((user_id) => allows(request, rule, { 'target.token.user_id': user_id }));
}

/** As Keystone reads a flag with a value. */
const isAllowed = (flag = '') => ['1', 't', 'true', 'on', 'y', 'yes'].includes(flag.trim().toLowerCase());

/** Whoever does not know access rules would take the token for all requests. */
function mayShow({ headers }: FastifyRequest, rule: SubjectRule, { access_rules }: Caller): boolean {
  return !access_rules || rule !== 'identity:validate_token' || Number(headers['openstack-identity-access-rules']) >= 1;
}
