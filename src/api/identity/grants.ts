/** Roles of a user or group on a project, on a domain and on the system: the same requests under each path. */
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { checkGrant, createGrant, type Grant, listGrants, revokeGrant } from '#services/identity/role-assignments.ts';
import type { ApiContext } from '../context.ts';
import { refuseWiderUser } from './assignable-roles.ts';
import { type GrantPlace, grantPlaces } from './grant-places.ts';
import { linksTo } from './links.ts';
import { authorize, route } from './policy.ts';
import { groupTarget, roleTarget, userTarget } from './policy-targets.ts';
import { roleView } from './role-view.ts';
import { CollectionLinks } from './schemas.ts';

export const grantRoutes = grantPlaces.flatMap((place) => [
  ...(place.list === undefined
    ? []
    : [
        route({
          method: 'GET',
          path: place.list,
          policy: place.rules.list,
          summary: `List the roles that a ${place.actor} was assigned on ${place.name}`,
          reply: Type.Object({ roles: Type.Array(roleView.schema), links: CollectionLinks }),
          async handler(request, context) {
            const grants = await authorizeGrant(context, request, place, 'list');
            const { role_id: _all, ...where } = grants;
            const roles = await listGrants(context, where);
            return { roles: roles.map(roleView.of(request, context)), links: linksTo(context, request, pathOf(request)) };
          },
        }),
      ]),
  route({
    method: 'GET',
    path: place.path,
    policy: place.rules.check,
    summary: `Show whether a ${place.actor} was assigned a role on ${place.name}`,
    status: 204,
    handler: async (request, context) => checkGrant(context, await authorizeGrant(context, request, place, 'check')),
  }),
  route({
    method: 'PUT',
    path: place.path,
    policy: place.rules.create,
    summary: `Assign a ${place.actor} a role on ${place.name}`,
    status: 204,
    handler: async (request, context) => createGrant(context, await authorizeChange(context, request, place, 'create')),
  }),
  route({
    method: 'DELETE',
    path: place.path,
    policy: place.rules.revoke,
    summary: `Revoke a role of a ${place.actor} on ${place.name}`,
    status: 204,
    handler: async (request, context) => revokeGrant(context, await authorizeChange(context, request, place, 'revoke')),
  }),
]);

type GrantParams = {
  readonly project_id?: string;
  readonly domain_id?: string;
  readonly user_id?: string;
  readonly group_id?: string;
  readonly role_id?: string;
};

/** Authorized before any lookup fails: whoever may not see a user or project must not learn whether it exists. */
async function authorizeGrant(
  context: ApiContext,
  request: FastifyRequest,
  place: GrantPlace,
  action: keyof GrantPlace['rules'],
): Promise<Grant> {
  const { project_id, domain_id, user_id = '', group_id = '', role_id = '' } = request.params as GrantParams;
  const id = project_id ?? domain_id ?? '';
  const role = role_id === '' ? undefined : await context.store.roles.find({ id: role_id });
  const target = {
    ...(await actorTarget(context, { user_id, group_id })),
    ...(await place.target(context, id)),
    ...roleTarget(role),
  };
  authorize(request, place.rules[action], target);
  return { user_id, group_id, role_id, ...place.scope(id), inherited: place.inherited };
}

/** The end of an inherited role makes all tokens of the user void, also those elsewhere. */
async function authorizeChange(context: ApiContext, request: FastifyRequest, place: GrantPlace, action: 'create' | 'revoke') {
  const grant = await authorizeGrant(context, request, place, action);
  const user = place.inherited ? await context.store.users.find({ id: grant.user_id }) : undefined;
  if (user) await refuseWiderUser(context, request, user);
  return grant;
}

async function actorTarget({ store }: ApiContext, { user_id, group_id }: { user_id: string; group_id: string }) {
  if (group_id === '') return userTarget((await store.users.find({ id: user_id })) ?? { id: user_id, domain_id: '' });
  return groupTarget((await store.groups.find({ id: group_id })) ?? { id: group_id, domain_id: '' });
}

/** The path below `/identity/v3`, without the query. */
function pathOf(request: FastifyRequest): string {
  return request.url.replace(/^\/identity\/v3/, '').replace(/\?.*$/s, '');
}
