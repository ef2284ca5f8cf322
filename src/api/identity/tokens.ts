/** `/auth/…`: issue, show and revoke tokens; the scopes and services available to a token. */
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { authenticate } from '#services/identity/authenticate.ts';
import { projectsOf } from '#services/identity/projects.ts';
import { domainsOf, hasSystemRole } from '#services/identity/scopes-of-user.ts';
import { readToken, recheck } from '#services/identity/validate-token.ts';
import type { ApiContext, ApiScope } from '../context.ts';
import { isSystemReader } from './access.ts';
import { catalogOf } from './catalog.ts';
import { domainBody } from './domains.ts';
import { linksTo, selfLink } from './links.ts';
import { Login } from './login.ts';
import { loginClientOf } from './login-client.ts';
import { projectBody } from './projects.ts';
import { type Subject, tokenBody } from './token-body.ts';

/** The request is unauthenticated; a login is small. */
const loginBytes = 64 * 1024;

/** POST /auth/tokens: the only call without a token. */
export function registerTokenIssue(app: ApiScope, context: ApiContext): void {
  const body = Type.Object({ auth: Login });
  app.post('/auth/tokens', { schema: { body }, bodyLimit: loginBytes }, async (request, reply) => {
    const { token, payload } = await authenticate(context, loginClientOf(request), request.body.auth);
    reply.code(201).header('x-subject-token', token).header('vary', 'X-Auth-Token');
    const caller = await recheck(context, payload);
    if (!caller) throw new Fault('unauthorized');
    return { token: await tokenBody(context, request, { payload, caller }) };
  });
}

export function registerTokens(app: ApiScope, context: ApiContext): void {
  app.get('/auth/tokens', async (request, reply) => {
    const subject = await findSubject(context, request, isSystemReader(request.caller));
    reply.header('x-subject-token', request.headers['x-subject-token']).header('vary', 'X-Auth-Token');
    return { token: await tokenBody(context, request, subject) };
  });
  app.delete('/auth/tokens', async (request, reply) => {
    const { payload } = await findSubject(context, request);
    await context.tokens.revoke(payload);
    return reply.code(204).send();
  });
  app.get('/auth/catalog', async (request) => {
    if (!request.caller.project_id)
      throw new Fault('forbidden', { detail: 'A project-scoped token is required to produce a service catalog.' });
    return { catalog: catalogOf(context, request), links: selfLink(context, request, '/auth/catalog') };
  });
  app.get('/auth/projects', async (request) => ({
    projects: (await projectsOf(context, request.caller.user_id)).map((project) => projectBody(context, request, project)),
    links: linksTo(context, request, '/auth/projects'),
  }));
  app.get('/auth/domains', async (request) => ({
    domains: (await domainsOf(context, request.caller.user_id)).map((domain) => domainBody(context, request, domain)),
    links: linksTo(context, request, '/auth/domains'),
  }));
  app.get('/auth/system', async (request) => ({
    system: (await hasSystemRole(context, request.caller.user_id)) ? [{ all: true }] : [],
    links: selfLink(context, request, '/auth/system'),
  }));
}

/** The subject token: the caller's own, or any for administrators. An invalid one is not found, as in Keystone. */
async function findSubject(context: ApiContext, request: FastifyRequest, mayReadAny = false): Promise<Subject> {
  const token = request.headers['x-subject-token'];
  if (typeof token !== 'string') throw new Fault('badRequest', { detail: 'Header X-Subject-Token is missing.' });
  const found = await readToken(context, token);
  const isMine = found?.payload.user_id === request.caller.user_id;
  if (!found || !(isMine || request.caller.is_admin || mayReadAny))
    throw new Fault('notFound', { what: 'Token', id: '(X-Subject-Token)' });
  return found;
}
