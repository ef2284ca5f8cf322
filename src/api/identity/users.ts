/** Users and their passwords. */
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { listGroups } from '#services/identity/groups.ts';
import { longestPassword } from '#services/identity/passwords.ts';
import { listProjects } from '#services/identity/projects.ts';
import { createUser, deleteUser, listUsers, updateUser } from '#services/identity/users.ts';
import type { User } from '#store/tables/users.ts';
import type { ApiContext } from '../context.ts';
import { somethingVisible } from '../http/printable-text.ts';
import { Maybe } from '../http/schemas.ts';
import { refuseWiderUser, widerTrustsFor } from './assignable-roles.ts';
import { groupFields, MembershipsReply, membershipView } from './groups.ts';
import { collectionLinks, listQuery, readListQuery } from './list-query.ts';
import { loginClientOf } from './login-client.ts';
import { authorize, route } from './policy.ts';
import { userTarget } from './policy-targets.ts';
import { ProjectsReply, projectFields, projectView } from './project-view.ts';
import { withDomain } from './projects.ts';
import { CollectionLinks, Id, refuseNewId, UserOptionFields } from './schemas.ts';
import { userFields, userView } from './user-view.ts';

const UserRequest = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 255, pattern: somethingVisible }),
  password: Maybe(Type.String({ maxLength: longestPassword })),
  default_project_id: Maybe(Id),
  domain_id: Type.Optional(Id),
  enabled: Type.Optional(Type.Boolean()),
  description: Maybe(Type.String()),
  email: Maybe(Type.String()),
  options: Type.Optional(UserOptionFields),
});

const UserReply = Type.Object({ user: userView.schema });

export const userRoutes = [
  route({
    method: 'GET',
    path: '/users',
    policy: 'identity:list_users',
    summary: 'List users; a domain-scoped token lists those of its domain',
    query: listQuery(userFields),
    reply: Type.Object({ users: Type.Array(userView.schema), links: CollectionLinks }),
    async handler(request, context) {
      const page = await listUsers(context, request.caller.domain_id, readListQuery(request.query, userFields));
      const links = collectionLinks(context, request, '/users', page);
      return { users: page.items.map(userView.of(request, context)), links };
    },
  }),
  route({
    method: 'GET',
    path: '/users/:user_id',
    policy: 'identity:get_user',
    summary: 'Show a user',
    reply: UserReply,
    handler: async (request, context) => ({
      user: userView.of(request, context)(await findUser(context, request, 'identity:get_user')),
    }),
  }),
  route({
    method: 'POST',
    path: '/users',
    policy: 'identity:create_user',
    summary: 'Create a user',
    status: 201,
    body: Type.Object({ user: UserRequest }, { additionalProperties: false }),
    reply: UserReply,
    async handler(request, context) {
      const fields = withDomain(request, request.body.user);
      authorize(request, 'identity:create_user', userTarget({ id: '', domain_id: fields.domain_id }));
      return { user: userView.of(request, context)(await createUser(context, loginClientOf(request), fields)) };
    },
  }),
  route({
    method: 'PATCH',
    path: '/users/:user_id',
    policy: 'identity:update_user',
    summary: 'Change a user',
    body: Type.Object({ user: Type.Partial(UserRequest, { minProperties: 1 }) }, { additionalProperties: false }),
    reply: UserReply,
    async handler(request, context) {
      const user = await findUser(context, request, 'identity:update_user');
      await refuseWiderUser(context, request, user);
      const fields = request.body.user;
      refuseNewId(fields, user.id);
      const void_trusts = fields.password ? await widerTrustsFor(context, request, user) : [];
      const changed = await updateUser(context, loginClientOf(request), { user, fields, void_trusts });
      return { user: userView.of(request, context)(changed) };
    },
  }),
  route({
    method: 'DELETE',
    path: '/users/:user_id',
    policy: 'identity:delete_user',
    summary: 'Delete a user',
    status: 204,
    async handler(request, context) {
      const user = await findUser(context, request, 'identity:delete_user');
      await refuseWiderUser(context, request, user);
      await deleteUser(context, user);
    },
  }),
  route({
    method: 'GET',
    path: '/users/:user_id/projects',
    policy: 'identity:list_user_projects',
    summary: 'List the projects in which a user has a role',
    query: listQuery(projectFields),
    reply: ProjectsReply,
    async handler(request, context) {
      const { id } = await findUser(context, request, 'identity:list_user_projects');
      const page = await listProjects(context, { user_id: id }, readListQuery(request.query, projectFields));
      const links = collectionLinks(context, request, `/users/${id}/projects`, page);
      return { projects: page.items.map(projectView.of(request, context)), links };
    },
  }),
  route({
    method: 'GET',
    path: '/users/:user_id/groups',
    policy: 'identity:list_groups_for_user',
    summary: 'List the groups of a user',
    query: listQuery(groupFields),
    reply: MembershipsReply,
    async handler(request, context) {
      const { id } = await findUser(context, request, 'identity:list_groups_for_user');
      const page = await listGroups(context, { user_id: id }, readListQuery(request.query, groupFields));
      const links = collectionLinks(context, request, `/users/${id}/groups`, page);
      return { groups: page.items.map(membershipView.of(request, context)), links };
    },
  }),
];

type UserRule = `identity:${'get' | 'update' | 'delete'}_user` | 'identity:list_user_projects' | 'identity:list_groups_for_user';

/** Authorized before the lookup fails: whoever may not see the user must not learn whether it exists. */
async function findUser(context: ApiContext, request: FastifyRequest, rule: UserRule): Promise<User> {
  const { user_id: id } = request.params as { user_id: string };
  const user = await context.store.users.find({ id });
  authorize(request, rule, userTarget(user ?? { id, domain_id: '' }));
  if (!user) throw new Fault('notFound', { what: 'User', id });
  return user;
}
