/** The roles of a user on a project, on a domain and on the system: the same requests under three paths. */
import type { FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { checkGrant, createGrant, type Grants, listGrants, revokeGrant } from '#services/identity/role-assignments.ts';
import { domainScope, projectScope, systemScope } from '#services/identity/roles.ts';
import type { Scope } from '#store/tables/role-assignments.ts';
import type { ApiContext, ApiScope } from '../context.ts';
import { requireAdmin } from '../http/authentication.ts';
import { requireReader } from './access.ts';
import { linksTo } from './links.ts';
import { roleBody } from './roles.ts';

const Params = Type.Object({ scope_id: Type.Optional(Type.String()), user_id: Type.String() });
const OneParams = Type.Object({ ...Params.properties, role_id: Type.String() });

type GrantPath = {
  readonly path: string;
  /** Names of the policy rules, after `identity:list_`, `identity:check_`… */
  readonly policies: { readonly list: string; readonly one: string };
  readonly scope: (id: string) => Scope;
};

const grantPaths: readonly GrantPath[] = [
  {
    path: '/projects/:scope_id/users/:user_id/roles',
    policies: { list: 'grants', one: 'grant' },
    scope: projectScope,
  },
  {
    path: '/domains/:scope_id/users/:user_id/roles',
    policies: { list: 'grants', one: 'grant' },
    scope: domainScope,
  },
  {
    path: '/system/users/:user_id/roles',
    policies: { list: 'system_grants_for_user', one: 'system_grant_for_user' },
    scope: () => systemScope,
  },
];

export function registerGrants(app: ApiScope, context: ApiContext): void {
  for (const row of grantPaths) registerGrantPath(app, context, row);
}

function registerGrantPath(app: ApiScope, context: ApiContext, { path, policies, scope }: GrantPath): void {
  const grantsOf = ({ scope_id = '', user_id }: Static<typeof Params>): Grants => ({ user_id, ...scope(scope_id) });
  const grantOf = (params: Static<typeof OneParams>) => ({ ...grantsOf(params), role_id: params.role_id });
  app.get(path, { schema: { params: Params } }, async (request) => {
    requireReader(request, `identity:list_${policies.list}`);
    const roles = await listGrants(context, grantsOf(request.params));
    return { roles: roles.map((role) => roleBody(context, request, role)), links: linksTo(context, request, pathOf(request)) };
  });
  app.get(`${path}/:role_id`, { schema: { params: OneParams } }, async (request, reply) => {
    requireReader(request, `identity:check_${policies.one}`);
    await checkGrant(context, grantOf(request.params));
    return reply.code(204).send();
  });
  app.put(`${path}/:role_id`, { schema: { params: OneParams } }, async (request, reply) => {
    requireAdmin(request, `identity:create_${policies.one}`);
    await createGrant(context, grantOf(request.params));
    return reply.code(204).send();
  });
  app.delete(`${path}/:role_id`, { schema: { params: OneParams } }, async (request, reply) => {
    requireAdmin(request, `identity:revoke_${policies.one}`);
    await revokeGrant(context, grantOf(request.params));
    return reply.code(204).send();
  });
}

/** The path below `/identity/v3`, without the query. */
function pathOf(request: FastifyRequest): string {
  return request.url.replace(/^\/identity\/v3/, '').replace(/\?.*$/s, '');
}
