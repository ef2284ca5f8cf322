/** Application credentials: secrets for programs, limited to one project and selected roles. */
import { randomBytes, randomUUID } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { longestPassword } from '#services/identity/passwords.ts';
import { included, roleNames } from '#services/identity/roles.ts';
import type { Store } from '#store/store.ts';
import type { ApplicationCredential } from '#store/tables/application-credentials.ts';
import type { RoleName } from '#store/tables/role-assignments.ts';
import type { ApiContext, ApiScope } from '../context.ts';
import { recheck } from '../http/authentication.ts';
import { somethingVisible } from '../http/printable-text.ts';
import { linksTo } from './links.ts';
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
    const where = { user_id: request.caller.user_id, ...(name !== undefined && { name }) };
    const credentials = await context.store.application_credentials.list(where, { orderBy: 'name' });
    return { application_credentials: credentials.map(credentialBody), links: linksTo(context, request, request.url) };
  });
  app.get(`${path}/:id`, { schema: { params: One } }, async (request) => ({
    application_credential: credentialBody(await getCredential(context, request)),
  }));
  const body = Type.Object({ application_credential: NewCredential });
  app.post(path, { schema: { params: OfUser, body } }, async (request, reply) => {
    refuseOthers(request);
    const secret = request.body.application_credential.secret ?? randomBytes(48).toString('base64url');
    const credential = await createCredential(context, request, { ...request.body.application_credential, secret });
    reply.code(201);
    return { application_credential: { ...credentialBody(credential), secret } };
  });
  app.delete(`${path}/:id`, { schema: { params: One } }, async (request, reply) => {
    refuseCredentials(request, 'remove one');
    const { id } = await getCredential(context, request);
    await context.store.application_credentials.remove({ id });
    return reply.code(204).send();
  });
}

function refuseOthers(request: FastifyRequest): void {
  const { user_id } = request.params as Static<typeof OfUser>;
  const detail = "Policy doesn't allow application credentials of others to be seen or changed.";
  if (user_id !== request.caller.user_id) throw new Fault('forbidden', { detail });
}

/** As Keystone rejects it for credentials that are not `unrestricted`: a leaked one must not delete the others. */
function refuseCredentials({ caller }: FastifyRequest, what: string): void {
  if (caller.application_credential_id)
    throw new Fault('forbidden', { detail: `A token of an application credential cannot ${what}.` });
}

async function getCredential(context: ApiContext, request: FastifyRequest): Promise<ApplicationCredential> {
  refuseOthers(request);
  const { id, user_id } = request.params as Static<typeof One>;
  const credential = await context.store.application_credentials.find({ id, user_id });
  if (!credential) throw new Fault('notFound', { what: 'Application credential', id });
  return credential;
}

function credentialBody(credential: ApplicationCredential) {
  return {
    id: credential.id,
    name: credential.name,
    description: credential.description,
    project_id: credential.project_id,
    roles: credential.roles.map((name) => ({ id: name, name, domain_id: null })),
    expires_at: credential.expires_at,
    unrestricted: false,
    links: {},
  };
}

type Request = Omit<Static<typeof NewCredential>, 'secret'> & { secret: string };

async function createCredential(context: ApiContext, request: FastifyRequest, fields: Request): Promise<ApplicationCredential> {
  const { caller } = request;
  refuseCredentials(request, 'make another one');
  if (!caller.project_id) throw new Fault('forbidden', { detail: 'An application credential needs a token with a project.' });
  if (fields.unrestricted) throw new Fault('unsupported', { what: 'An unrestricted application credential' });
  const where = { user_id: caller.user_id, name: fields.name };
  if (await context.store.application_credentials.find(where))
    throw new Fault('conflict', { detail: `An application credential named ${fields.name} already exists.` });
  await refuseMany(context.store, caller.user_id);
  const credential: ApplicationCredential = {
    ...where,
    id: randomUUID().replaceAll('-', ''),
    project_id: caller.project_id,
    roles: rolesFor(caller.roles, fields.roles),
    secret_hash: await context.logins.hash(loginClientOf(request), fields.secret),
    description: fields.description ?? '',
    expires_at: expiryOf(fields.expires_at),
  };
  return context.store.transaction(async (trx) => {
    // Hashing took time: access revoked meanwhile must not persist in the credential.
    if (!(await recheck({ store: trx, tokens: context.tokens.trx(trx) }, request.token))) throw new Fault('unauthorized');
    await refuseMany(trx, caller.user_id);
    return trx.application_credentials.insert(credential);
  });
}

/** Keystone's `[application_credential] user_limit`, expired ones included. */
const mostEach = 100;

async function refuseMany({ application_credentials }: Store, user_id: string): Promise<void> {
  if ((await application_credentials.pick(['id'], { user_id })).length < mostEach) return;
  const detail = `Unable to create additional application credentials, maximum of ${mostEach} already exceeded for user.`;
  throw new Fault('forbidden', { detail });
}

function rolesFor(own: readonly string[], asked: Request['roles']): RoleName[] {
  const names = asked?.map((role) => role.name ?? role.id ?? '') ?? own;
  const known = roleNames.filter((name) => names.includes(name));
  const foreign = names.find((name) => !own.includes(name));
  if (foreign !== undefined || known.length === 0)
    throw new Fault('badRequest', { detail: `Role ${foreign ?? ''} is not among your roles in this project.` });
  return included(known);
}

function expiryOf(text: string | null | undefined): string | null {
  if (!text) return null;
  const time = Date.parse(/[zZ]|[+-]\d\d:?\d\d$/.test(text) ? text : `${text}Z`);
  const isFuture = time > Date.now();
  if (!isFuture)
    throw new Fault('badRequest', { detail: 'Invalid input for field/attribute expires_at: it must be a time to come.' });
  return new Date(time).toISOString();
}
