/** `/auth/…`: issue, show and revoke tokens; the projects and services available to a token. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import type { Caller } from '#services/caller.ts';
import type { TokenPayload } from '#services/identity/tokens.ts';
import type { ApiContext, ApiScope } from '../context.ts';
import { readToken, recheck } from '../http/authentication.ts';
import { catalogOf } from './catalog.ts';
import { defaultDomain } from './domains.ts';
import { linksTo } from './links.ts';
import { Login, logIn } from './login.ts';
import { projectBody, projectsOf } from './projects.ts';

/** The request is unauthenticated; a login is small. */
const loginBytes = 64 * 1024;

/** POST /auth/tokens: the only call without a token. */
export function registerTokenIssue(app: ApiScope, context: ApiContext): void {
  const body = Type.Object({ auth: Login });
  app.post('/auth/tokens', { schema: { body }, bodyLimit: loginBytes }, async (request, reply) => {
    const { token, payload } = await logIn(context, request, request.body.auth);
    reply.code(201).header('x-subject-token', token).header('vary', 'X-Auth-Token');
    const caller = await recheck(context, payload);
    if (!caller) throw new Fault('unauthorized');
    return { token: tokenBody(context, request, { payload, caller }) };
  });
}

export function registerTokens(app: ApiScope, context: ApiContext): void {
  app.get('/auth/tokens', async (request, reply) => {
    const subject = await findSubject(context, request);
    reply.header('x-subject-token', request.headers['x-subject-token']).header('vary', 'X-Auth-Token');
    return { token: tokenBody(context, request, subject) };
  });
  app.delete('/auth/tokens', async (request, reply) => {
    const { payload } = await findSubject(context, request);
    await context.tokens.revoke(payload);
    return reply.code(204).send();
  });
  app.get('/auth/catalog', async (request: FastifyRequest, _reply: FastifyReply) => ({
    catalog: catalogOf(context, request),
    links: linksTo(context, request, '/auth/catalog'),
  }));
  app.get('/auth/projects', async (request) => ({
    projects: (await projectsOf(context, request.caller.user_id)).map((project) => projectBody(context, request, project)),
    links: linksTo(context, request, '/auth/projects'),
  }));
  app.get('/auth/domains', async (request) => ({ domains: [], links: linksTo(context, request, '/auth/domains') }));
  app.get('/auth/system', async (request) => ({ system: [], links: linksTo(context, request, '/auth/system') }));
}

type Subject = { readonly payload: TokenPayload; readonly caller: Caller };

/** The subject token: the caller's own, or any for administrators. An invalid one is not found, as in Keystone. */
async function findSubject(context: ApiContext, request: FastifyRequest): Promise<Subject> {
  const token = request.headers['x-subject-token'];
  if (typeof token !== 'string') throw new Fault('badRequest', { detail: 'Header X-Subject-Token is missing.' });
  const found = await readToken(context, token);
  const isMine = found?.payload.user_id === request.caller.user_id;
  if (!found || !(isMine || request.caller.is_admin)) throw new Fault('notFound', { what: 'Token', id: '(X-Subject-Token)' });
  return found;
}

function tokenBody(context: ApiContext, request: FastifyRequest, { payload, caller }: Subject): object {
  const query = request.query as { nocatalog?: string };
  const body = {
    methods: payload.methods,
    user: { id: caller.user_id, name: caller.user_name, domain: defaultDomain, password_expires_at: null },
    audit_ids: shownAuditIds(payload),
    issued_at: payload.issued_at,
    expires_at: payload.expires_at,
  };
  if (!caller.project_id) return body;
  return {
    ...body,
    is_domain: false,
    project: { id: caller.project_id, name: caller.project_name, domain: defaultDomain },
    roles: caller.roles.map((name) => ({ id: name, name })),
    ...(query.nocatalog === undefined && { catalog: catalogOf(context, request) }),
    ...(payload.application_credential_id && {
      application_credential: { id: payload.application_credential_id, restricted: true },
    }),
  };
}

/** As Keystone shows them: the token's own, and that of the first token of its chain. */
function shownAuditIds({ audit_ids }: TokenPayload): string[] {
  return [...new Set([audit_ids[0] ?? '', audit_ids.at(-1) ?? ''])];
}
