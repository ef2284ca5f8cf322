/** Users and their passwords. */
import type { FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { longestPassword } from '#services/identity/passwords.ts';
import { newUser } from '#services/identity/users.ts';
import type { User } from '#store/tables/users.ts';
import type { ApiContext, ApiScope } from '../context.ts';
import { requireAdmin } from '../http/authentication.ts';
import { somethingVisible } from '../http/printable-text.ts';
import { linksTo, pageOfCollection, pageQuery, selfLink } from './links.ts';
import { loginClientOf } from './login-client.ts';
import { getProject, projectBody, projectsOf } from './projects.ts';

const Text = Type.Union([Type.String(), Type.Null()]);
const Password = Type.String({ maxLength: longestPassword });
const ById = Type.Object({ id: Type.String() });
const UserFields = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 255, pattern: somethingVisible }),
  password: Type.Optional(Type.Union([Password, Type.Null()])),
  default_project_id: Type.Optional(Text),
  domain_id: Type.Optional(Type.Union([Type.Literal('default'), Type.Null()])),
  enabled: Type.Optional(Type.Boolean()),
  description: Type.Optional(Text),
  email: Type.Optional(Text),
});
type UserFields = Static<typeof UserFields>;

export function registerUsers(app: ApiScope, context: ApiContext): void {
  const querystring = Type.Object({
    name: Type.Optional(Type.String()),
    domain_id: Type.Optional(Type.String()),
    enabled: Type.Optional(Type.Boolean()),
    ...pageQuery,
  });
  app.get('/users', { schema: { querystring } }, async (request) => {
    requireAdmin(request, 'identity:list_users');
    const { name, enabled, domain_id } = request.query;
    const users = await context.store.users.list(name === undefined ? {} : { name }, { orderBy: 'name' });
    const asked = users.filter((user) => (enabled ?? user.enabled) === user.enabled && (domain_id ?? 'default') === 'default');
    const { items, links } = pageOfCollection(context, request, { path: '/users', all: asked, query: request.query });
    return { users: items.map((user) => userBody(context, request, user)), links };
  });
  app.get('/users/:id', { schema: { params: ById } }, async (request) => ({
    user: userBody(context, request, await getUser(context, request, request.params.id)),
  }));
  app.post('/users', { schema: { body: Type.Object({ user: UserFields }) } }, async (request, reply) => {
    requireAdmin(request, 'identity:create_user');
    const user = await createUser(context, request, request.body.user);
    reply.code(201);
    return { user: userBody(context, request, user) };
  });
  app.patch(
    '/users/:id',
    { schema: { params: ById, body: Type.Object({ user: Type.Partial(UserFields) }) } },
    async (request) => {
      requireAdmin(request, 'identity:update_user');
      const user = await getUser(context, request, request.params.id);
      return { user: userBody(context, request, await updateUser(context, request, { user, fields: request.body.user })) };
    },
  );
  app.delete('/users/:id', { schema: { params: ById } }, async (request, reply) => {
    requireAdmin(request, 'identity:delete_user');
    await deleteUser(context, await getUser(context, request, request.params.id));
    return reply.code(204).send();
  });
  registerSelfService(app, context);
}

/** Self-service routes of users. */
function registerSelfService(app: ApiScope, context: ApiContext): void {
  const body = Type.Object({
    user: Type.Object({
      password: Type.String({ minLength: 1, maxLength: longestPassword }),
      original_password: Password,
    }),
  });
  app.post('/users/:id/password', { schema: { params: ById, body } }, async (request, reply) => {
    const user = await getUser(context, request, request.params.id);
    const { original_password, password } = request.body.user;
    const { id, password_hash } = user;
    await context.logins.check(loginClientOf(request), {
      account: id,
      user_id: id,
      secret: original_password,
      hash: password_hash,
    });
    await replacePassword(context, user, await context.logins.hash(loginClientOf(request), password));
    return reply.code(204).send();
  });
  app.get('/users/:id/projects', { schema: { params: ById } }, async (request) => {
    const user = await getUser(context, request, request.params.id);
    const projects = await projectsOf(context, user.id);
    return {
      projects: projects.map((project) => projectBody(context, request, project)),
      links: linksTo(context, request, `/users/${user.id}/projects`),
    };
  });
  app.get('/users/:id/groups', { schema: { params: ById } }, async (request) => ({
    groups: [],
    links: linksTo(context, request, `/users/${request.params.id}/groups`),
  }));
}

/** The caller's own user, or any for administrators. */
export async function getUser(context: Pick<ApiContext, 'store'>, request: FastifyRequest, id: string): Promise<User> {
  if (id !== request.caller.user_id) requireAdmin(request, 'identity:get_user');
  const user = await context.store.users.find({ id });
  if (!user) throw new Fault('notFound', { what: 'User', id });
  return user;
}

/** Of two concurrent changes, the later one no longer has the right original password. */
async function replacePassword(context: ApiContext, { id, password_hash }: User, next: string): Promise<void> {
  await context.store.transaction(async (trx) => {
    if ((await trx.users.update({ id, password_hash }, { password_hash: next })) === 0) throw new Fault('unauthorized');
    await trx.users.revokeTokens(id);
  });
}

function userBody(context: ApiContext, request: FastifyRequest, user: User) {
  return {
    id: user.id,
    name: user.name,
    domain_id: 'default',
    enabled: user.enabled,
    password_expires_at: null,
    options: {},
    ...(user.project_id && { default_project_id: user.project_id }),
    ...(user.description && { description: user.description }),
    ...(user.email && { email: user.email }),
    links: selfLink(context, request, `/users/${user.id}`),
  };
}

async function createUser(context: ApiContext, request: FastifyRequest, fields: UserFields): Promise<User> {
  await refuseTakenName(context, fields.name);
  const changes = await changesOf(context, request, fields);
  return context.store.users.insert({ ...newUser(fields.name), ...changes });
}

type Update = { readonly user: User; readonly fields: Partial<UserFields> };

async function updateUser(context: ApiContext, request: FastifyRequest, { user, fields }: Update): Promise<User> {
  if (fields.name !== undefined && fields.name !== user.name) await refuseTakenName(context, fields.name);
  if (user.is_admin && fields.enabled === false)
    throw new Fault('conflict', { detail: `User ${user.name} is the administrator of the settings and stays enabled.` });
  const changes = await changesOf(context, request, fields);
  await context.store.transaction(async (trx) => {
    if (Object.keys(changes).length > 0) await trx.users.update({ id: user.id }, changes);
    if (changes.password_hash || changes.enabled === false) await trx.users.revokeTokens(user.id);
    // As in Keystone: a re-enabled user gets new ones.
    if (changes.enabled === false) await trx.application_credentials.remove({ user_id: user.id });
  });
  return { ...user, ...changes };
}

async function changesOf(context: ApiContext, request: FastifyRequest, fields: Partial<UserFields>): Promise<Partial<User>> {
  if (fields.default_project_id) await getProject(context, fields.default_project_id);
  return {
    ...(fields.name !== undefined && { name: fields.name }),
    ...(fields.default_project_id !== undefined && { project_id: fields.default_project_id ?? '' }),
    ...(fields.enabled !== undefined && { enabled: fields.enabled }),
    ...(fields.description !== undefined && { description: fields.description ?? '' }),
    ...(fields.email !== undefined && { email: fields.email ?? '' }),
    ...(fields.password && { password_hash: await context.logins.hash(loginClientOf(request), fields.password) }),
  };
}

async function refuseTakenName(context: ApiContext, name: string): Promise<void> {
  if (await context.store.users.find({ name })) throw new Fault('conflict', { detail: `A user named ${name} already exists.` });
}

async function deleteUser(context: ApiContext, user: User): Promise<void> {
  if (user.is_admin) throw new Fault('conflict', { detail: `User ${user.name} is the administrator of the settings.` });
  await context.store.transaction(async (trx) => {
    await trx.role_assignments.remove({ user_id: user.id });
    await trx.application_credentials.remove({ user_id: user.id });
    await trx.keypairs.remove({ user_id: user.id });
    await trx.project_token_revisions.remove({ user_id: user.id });
    await trx.login_addresses.remove({ user_id: user.id });
    await trx.users.remove({ id: user.id });
  });
}
