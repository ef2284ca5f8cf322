/** The roles of a user on a project, on a domain and on the system: the same requests under three paths. */
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { checkGrant, createGrant, listGrants, revokeGrant } from '#services/identity/role-assignments.ts';
import { domainScope, projectScope, systemScope } from '#services/identity/roles.ts';
import type { Scope } from '#store/tables/role-assignments.ts';
import type { ApiContext } from '../context.ts';
import type { PolicyTarget } from '../http/policy/check-language.ts';
import { linksTo } from './links.ts';
import { authorize, route } from './policy.ts';
import { domainTarget, projectTarget, userTarget } from './policy-targets.ts';
import { roleView } from './roles.ts';
import { CollectionLinks } from './schemas.ts';

type GrantRule =
  | `identity:${'check' | 'create' | 'revoke'}_${'grant' | 'system_grant_for_user'}`
  | `identity:list_${'grants' | 'system_grants_for_user'}`;

/** Where roles are assigned. Each path has the same four routes. */
type Place = {
  readonly path: string;
  readonly name: string;
  readonly rules: { readonly list: GrantRule; readonly check: GrantRule; readonly create: GrantRule; readonly revoke: GrantRule };
  readonly scope: (id: string) => Scope;
  /** The scope as the policy sees it. */
  readonly target: (context: ApiContext, id: string) => Promise<PolicyTarget>;
};

const grantRules = {
  list: 'identity:list_grants',
  check: 'identity:check_grant',
  create: 'identity:create_grant',
  revoke: 'identity:revoke_grant',
} as const;
const systemRules = {
  list: 'identity:list_system_grants_for_user',
  check: 'identity:check_system_grant_for_user',
  create: 'identity:create_system_grant_for_user',
  revoke: 'identity:revoke_system_grant_for_user',
} as const;

const places: readonly Place[] = [
  {
    ...{ path: '/projects/:project_id/users/:user_id/roles', name: 'a project', rules: grantRules, scope: projectScope },
    target: async ({ store }, id) => projectTarget((await store.projects.find({ id })) ?? { id, domain_id: '' }),
  },
  {
    ...{ path: '/domains/:domain_id/users/:user_id/roles', name: 'a domain', rules: grantRules, scope: domainScope },
    target: async (_, id) => domainTarget({ id }),
  },
  {
    ...{ path: '/system/users/:user_id/roles', name: 'the system', rules: systemRules, scope: () => systemScope },
    target: async () => ({}),
  },
];

export const grantRoutes = places.flatMap((place) => [
  route({
    method: 'GET',
    path: place.path,
    policy: place.rules.list,
    summary: `List the roles that a user was assigned on ${place.name}`,
    reply: Type.Object({ roles: Type.Array(roleView.schema), links: CollectionLinks }),
    async handler(request, context) {
      const grants = await authorizeGrant(context, request, place, 'list');
      const roles = await listGrants(context, grants);
      return { roles: roles.map(roleView.of(request, context)), links: linksTo(context, request, pathOf(request)) };
    },
  }),
  route({
    method: 'GET',
    path: `${place.path}/:role_id`,
    policy: place.rules.check,
    summary: `Show whether a user was assigned a role on ${place.name}`,
    status: 204,
    handler: async (request, context) => checkGrant(context, await authorizeGrant(context, request, place, 'check')),
  }),
  route({
    method: 'PUT',
    path: `${place.path}/:role_id`,
    policy: place.rules.create,
    summary: `Assign a user a role on ${place.name}`,
    status: 204,
    handler: async (request, context) => createGrant(context, await authorizeGrant(context, request, place, 'create')),
  }),
  route({
    method: 'DELETE',
    path: `${place.path}/:role_id`,
    policy: place.rules.revoke,
    summary: `Revoke a role of a user on ${place.name}`,
    status: 204,
    handler: async (request, context) => revokeGrant(context, await authorizeGrant(context, request, place, 'revoke')),
  }),
]);

type GrantParams = {
  readonly project_id?: string;
  readonly domain_id?: string;
  readonly user_id: string;
  readonly role_id?: string;
};

/** Authorized before any lookup fails: whoever may not see a user or project must not learn whether it exists. */
async function authorizeGrant(context: ApiContext, request: FastifyRequest, place: Place, action: keyof Place['rules']) {
  const { project_id, domain_id, user_id, role_id = '' } = request.params as GrantParams;
  const id = project_id ?? domain_id ?? '';
  const user = (await context.store.users.find({ id: user_id })) ?? { id: user_id, domain_id: '' };
  const target = { ...userTarget(user), ...(await place.target(context, id)), 'target.role.name': role_id };
  authorize(request, place.rules[action], target);
  return { user_id, role_id, ...place.scope(id) };
}

/** The path below `/identity/v3`, without the query. */
function pathOf(request: FastifyRequest): string {
  return request.url.replace(/^\/identity\/v3/, '').replace(/\?.*$/s, '');
}
