/** Users and their passwords. */
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { longestPassword } from '#services/identity/passwords.ts';
import { projectsOf } from '#services/identity/projects.ts';
import { changePassword, createUser, deleteUser, getUser, updateUser } from '#services/identity/users.ts';
import type { User } from '#store/tables/users.ts';
import type { ApiContext, ApiScope } from '../context.ts';
import { requireAdmin } from '../http/authentication.ts';
import { somethingVisible } from '../http/printable-text.ts';
import { requireReader } from './access.ts';
import { linksTo, pageOfCollection, pageQuery, selfLink } from './links.ts';
import { loginClientOf } from './login-client.ts';
import { inDomain, projectBody } from './projects.ts';

const Text = Type.Union([Type.String(), Type.Null()]);
const Password = Type.String({ maxLength: longestPassword });
const ById = Type.Object({ id: Type.String() });
const UserFields = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 255, pattern: somethingVisible }),
  password: Type.Optional(Type.Union([Password, Type.Null()])),
  default_project_id: Type.Optional(Text),
  domain_id: Type.Optional(Text),
  enabled: Type.Optional(Type.Boolean()),
  description: Type.Optional(Text),
  email: Type.Optional(Text),
});

export function registerUsers(app: ApiScope, context: ApiContext): void {
  const querystring = Type.Object({
    name: Type.Optional(Type.String()),
    domain_id: Type.Optional(Type.String()),
    enabled: Type.Optional(Type.Boolean()),
    ...pageQuery,
  });
  app.get('/users', { schema: { querystring } }, async (request) => {
    requireReader(request, 'identity:list_users');
    const { name, enabled, domain_id } = request.query;
    const users = await context.store.users.list(name === undefined ? {} : { name }, { orderBy: 'name' });
    const asked = users.filter(
      (user) => (enabled ?? user.enabled) === user.enabled && (domain_id ?? user.domain_id) === user.domain_id,
    );
    const { items, links } = pageOfCollection(context, request, { path: '/users', all: asked, query: request.query });
    return { users: items.map((user) => userBody(context, request, user)), links };
  });
  app.get('/users/:id', { schema: { params: ById } }, async (request) => ({
    user: userBody(context, request, await getVisibleUser(context, request, request.params.id)),
  }));
  app.post('/users', { schema: { body: Type.Object({ user: UserFields }) } }, async (request, reply) => {
    requireAdmin(request, 'identity:create_user');
    const user = await createUser(context, loginClientOf(request), inDomain(request, request.body.user));
    reply.code(201);
    return { user: userBody(context, request, user) };
  });
  app.patch(
    '/users/:id',
    { schema: { params: ById, body: Type.Object({ user: Type.Partial(UserFields) }) } },
    async (request) => {
      requireAdmin(request, 'identity:update_user');
      const user = await getUser(context, request.params.id);
      const changed = await updateUser(context, loginClientOf(request), { user, fields: request.body.user });
      return { user: userBody(context, request, changed) };
    },
  );
  app.delete('/users/:id', { schema: { params: ById } }, async (request, reply) => {
    requireAdmin(request, 'identity:delete_user');
    await deleteUser(context, await getUser(context, request.params.id));
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
    const user = await getVisibleUser(context, request, request.params.id);
    await changePassword(context, loginClientOf(request), { user, change: request.body.user });
    return reply.code(204).send();
  });
  app.get('/users/:id/projects', { schema: { params: ById } }, async (request) => {
    const user = await getVisibleUser(context, request, request.params.id);
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

/** The caller's own user, or any for administrators and readers of the system. */
async function getVisibleUser(context: ApiContext, request: FastifyRequest, id: string): Promise<User> {
  if (id !== request.caller.user_id) requireReader(request, 'identity:get_user');
  return getUser(context, id);
}

function userBody(context: ApiContext, request: FastifyRequest, user: User) {
  return {
    id: user.id,
    name: user.name,
    domain_id: user.domain_id,
    enabled: user.enabled,
    password_expires_at: null,
    options: {},
    ...(user.project_id && { default_project_id: user.project_id }),
    ...(user.description && { description: user.description }),
    ...(user.email && { email: user.email }),
    links: selfLink(context, request, `/users/${user.id}`),
  };
}
