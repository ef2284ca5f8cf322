/** Groups and their members. */
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import {
  addMember,
  checkMember,
  createGroup,
  deleteGroup,
  listGroups,
  listMembers,
  removeMember,
  updateGroup,
} from '#services/identity/groups.ts';
import type { Group } from '#store/tables/groups.ts';
import type { ApiContext } from '../context.ts';
import { type ListFields, textField } from '../http/list.ts';
import { somethingVisible } from '../http/printable-text.ts';
import { Maybe } from '../http/schemas.ts';
import { type ViewCall, viewOf } from '../http/view.ts';
import { refuseWider, refuseWiderUser } from './assignable-roles.ts';
import { selfLink } from './links.ts';
import { collectionLinks, listQuery, readListQuery } from './list-query.ts';
import { authorize, route } from './policy.ts';
import { groupTarget, userTarget } from './policy-targets.ts';
import { withDomain } from './projects.ts';
import { CollectionLinks, Id, refuseNewId, SelfLink } from './schemas.ts';
import { userFields, userView } from './user-view.ts';

const GroupRequest = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 64, pattern: somethingVisible }),
  description: Maybe(Type.String()),
  domain_id: Type.Optional(Id),
});

const groupFieldsShown = {
  id: { type: Type.String(), value: ({ id }: Group) => id },
  name: { type: Type.String(), value: ({ name }: Group) => name },
  domain_id: { type: Type.String(), value: ({ domain_id }: Group) => domain_id },
  description: { type: Type.String(), value: ({ description }: Group) => description },
  links: {
    type: SelfLink,
    value: ({ id }: Group, { request, context }: ViewCall) => selfLink(context, request, `/groups/${id}`),
  },
} as const;
const groupView = viewOf<Group>()(groupFieldsShown);
const GroupReply = Type.Object({ group: groupView.schema });
/** A group of a user: only that of a federation ends by itself. */
export const membershipView = viewOf<Group>()({
  ...groupFieldsShown,
  membership_expires_at: { type: Type.Null(), value: () => null },
});
export const MembershipsReply = Type.Object({ groups: Type.Array(membershipView.schema), links: CollectionLinks });
const GroupsReply = Type.Object({ groups: Type.Array(groupView.schema), links: CollectionLinks });

export const groupFields: ListFields = { name: textField('name'), domain_id: textField('domain_id') };

const members = '/groups/:group_id/users';

export const groupRoutes = [
  route({
    method: 'GET',
    path: '/groups',
    policy: 'identity:list_groups',
    summary: 'List groups; a domain-scoped token lists those of its domain',
    query: listQuery(groupFields),
    reply: GroupsReply,
    async handler(request, context) {
      const { domain_id } = request.caller;
      const page = await listGroups(context, { domain_id }, readListQuery(request.query, groupFields));
      const links = collectionLinks(context, request, '/groups', page);
      return { groups: page.items.map(groupView.of(request, context)), links };
    },
  }),
  route({
    method: 'GET',
    path: '/groups/:group_id',
    policy: 'identity:get_group',
    summary: 'Show a group',
    reply: GroupReply,
    handler: async (request, context) => ({
      group: groupView.of(request, context)(await findGroup(context, request, 'identity:get_group')),
    }),
  }),
  route({
    method: 'POST',
    path: '/groups',
    policy: 'identity:create_group',
    summary: 'Create a group',
    status: 201,
    body: Type.Object({ group: GroupRequest }, { additionalProperties: false }),
    reply: GroupReply,
    async handler(request, context) {
      const fields = withDomain(request, request.body.group);
      authorize(request, 'identity:create_group', groupTarget({ id: '', domain_id: fields.domain_id }));
      return { group: groupView.of(request, context)(await createGroup(context, fields)) };
    },
  }),
  route({
    method: 'PATCH',
    path: '/groups/:group_id',
    policy: 'identity:update_group',
    summary: 'Change a group',
    body: Type.Object({ group: Type.Partial(GroupRequest, { minProperties: 1 }) }, { additionalProperties: false }),
    reply: GroupReply,
    async handler(request, context) {
      const group = await findGroup(context, request, 'identity:update_group');
      await refuseWider(context, request, group);
      refuseNewId(request.body.group, group.id);
      return { group: groupView.of(request, context)(await updateGroup(context, group, request.body.group)) };
    },
  }),
  route({
    method: 'DELETE',
    path: '/groups/:group_id',
    policy: 'identity:delete_group',
    summary: 'Delete a group; the tokens of its members become void',
    status: 204,
    async handler(request, context) {
      const group = await findGroup(context, request, 'identity:delete_group');
      await refuseWider(context, request, group);
      await deleteGroup(context, group);
    },
  }),
  route({
    method: 'GET',
    path: members,
    policy: 'identity:list_users_in_group',
    summary: 'List the members of a group; a domain-scoped token lists those of its domain',
    query: listQuery(userFields),
    reply: Type.Object({ users: Type.Array(userView.schema), links: CollectionLinks }),
    async handler(request, context) {
      const { id } = await findGroup(context, request, 'identity:list_users_in_group');
      const where = { group_id: id, domain_id: request.caller.domain_id };
      const page = await listMembers(context, where, readListQuery(request.query, userFields));
      const links = collectionLinks(context, request, `/groups/${id}/users`, page);
      return { users: page.items.map(userView.of(request, context)), links };
    },
  }),
  route({
    method: 'GET',
    path: `${members}/:user_id`,
    policy: 'identity:check_user_in_group',
    summary: 'Show whether a user is in a group',
    status: 204,
    async handler(request, context) {
      await authorizeMember(context, request, 'identity:check_user_in_group');
      await checkMember(context, request.params);
    },
  }),
  route({
    method: 'PUT',
    path: `${members}/:user_id`,
    policy: 'identity:add_user_to_group',
    summary: 'Add a user to a group',
    status: 204,
    async handler(request, context) {
      await authorizeChange(context, request, 'identity:add_user_to_group');
      await addMember(context, request.params);
    },
  }),
  route({
    method: 'DELETE',
    path: `${members}/:user_id`,
    policy: 'identity:remove_user_from_group',
    summary: "Remove a user from a group; the user's tokens become void",
    status: 204,
    async handler(request, context) {
      await authorizeChange(context, request, 'identity:remove_user_from_group');
      await removeMember(context, request.params);
    },
  }),
];

type GroupRule = `identity:${'get' | 'update' | 'delete'}_group` | 'identity:list_users_in_group';
type MemberRule = 'identity:check_user_in_group' | 'identity:add_user_to_group' | 'identity:remove_user_from_group';

/** Authorized before the lookup fails: whoever may not see the group must not learn whether it exists. */
async function findGroup(context: ApiContext, request: FastifyRequest, rule: GroupRule): Promise<Group> {
  const { group_id: id } = request.params as { group_id: string };
  const group = await context.store.groups.find({ id });
  authorize(request, rule, groupTarget(group ?? { id, domain_id: '' }));
  if (!group) throw new Fault('notFound', { what: 'Group', id });
  return group;
}

/** Of a group and a user whom the caller manages: the end of a membership makes the user's tokens void. */
async function authorizeChange(context: ApiContext, request: FastifyRequest, rule: MemberRule): Promise<void> {
  const { group, user } = await authorizeMember(context, request, rule);
  await refuseWider(context, request, group);
  if (user) await refuseWiderUser(context, request, user);
}

async function authorizeMember(context: ApiContext, request: FastifyRequest, rule: MemberRule) {
  const { group_id, user_id } = request.params as { group_id: string; user_id: string };
  const group = await context.store.groups.find({ id: group_id });
  const user = await context.store.users.find({ id: user_id });
  const target = {
    ...userTarget(user ?? { id: user_id, domain_id: '' }),
    ...groupTarget(group ?? { id: group_id, domain_id: '' }),
  };
  authorize(request, rule, target);
  if (!group) throw new Fault('notFound', { what: 'Group', id: group_id });
  return { group, user };
}
