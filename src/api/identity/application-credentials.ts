/** Application credentials: secrets for programs, limited to one project and selected roles. */
import type { FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { createCredential, getCredential, refuseCredentials } from '#services/identity/application-credentials.ts';
import { longestPassword } from '#services/identity/passwords.ts';
import type { ApplicationCredential } from '#store/tables/application-credentials.ts';
import type { ApiContext, ApiScope } from '../context.ts';
import { somethingVisible } from '../http/printable-text.ts';
import { linksTo, selfLink } from './links.ts';
import { loginClientOf } from './login-client.ts';

const OfUser = Type.Object({ user_id: Type.String() });
const One = Type.Object({ user_id: Type.String(), id: Type.String() });
const NewCredential = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 255, pattern: somethingVisible }),
  description: Type.Optional(Type.Union([Type.String({ maxLength: 255 }), Type.Null()])),
  secret: Type.Optional(Type.Union([Type.String({ minLength: 1, maxLength: longestPassword }), Type.Null()])),
  expires_at: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  roles: Type.Optional(
    Type.Array(Type.Object({ id: Type.Optional(Type.String()), name: Type.Optional(Type.String()) }), { minItems: 1 }),
  ),
  unrestricted: Type.Optional(Type.Boolean()),
  access_rules: Type.Optional(Type.Array(Type.Unknown(), { maxItems: 0 })),
});

export function registerApplicationCredentials(app: ApiScope, context: ApiContext): void {
  const path = '/users/:user_id/application_credentials';
  const querystring = Type.Object({ name: Type.Optional(Type.String()) });
  app.get(path, { schema: { params: OfUser, querystring } }, async (request) => {
    refuseOthers(request);
    const { name } = request.query;
    const { user_id } = request.caller;
    const where = { user_id, ...(name !== undefined && { name }) };
    const credentials = await context.store.application_credentials.list(where, { orderBy: 'name' });
    return {
      application_credentials: credentials.map((credential) => credentialBody(context, request, credential)),
      links: linksTo(context, request, `/users/${user_id}/application_credentials`),
    };
  });
  app.get(`${path}/:id`, { schema: { params: One } }, async (request) => {
    refuseOthers(request);
    return { application_credential: credentialBody(context, request, await getCredential(context, request.params)) };
  });
  const body = Type.Object({ application_credential: NewCredential });
  app.post(path, { schema: { params: OfUser, body } }, async (request, reply) => {
    refuseOthers(request);
    const requester = { client: loginClientOf(request), caller: request.caller, token: request.token };
    const { credential, secret } = await createCredential(context, requester, request.body.application_credential);
    reply.code(201);
    return { application_credential: { ...credentialBody(context, request, credential), secret } };
  });
  app.delete(`${path}/:id`, { schema: { params: One } }, async (request, reply) => {
    refuseOthers(request);
    refuseCredentials(request.caller);
    const { id } = await getCredential(context, request.params);
    await context.store.application_credentials.remove({ id });
    return reply.code(204).send();
  });
}

function refuseOthers(request: FastifyRequest): void {
  const { user_id } = request.params as Static<typeof OfUser>;
  const detail = "Policy doesn't allow application credentials of others to be seen or changed.";
  if (user_id !== request.caller.user_id) throw new Fault('forbidden', { detail });
}

function credentialBody(context: ApiContext, request: FastifyRequest, credential: ApplicationCredential) {
  return {
    id: credential.id,
    name: credential.name,
    user_id: credential.user_id,
    description: credential.description,
    project_id: credential.project_id,
    roles: credential.roles.map((name) => ({ id: name, name, domain_id: null })),
    expires_at: credential.expires_at,
    unrestricted: false,
    links: selfLink(context, request, `/users/${credential.user_id}/application_credentials/${credential.id}`),
  };
}
