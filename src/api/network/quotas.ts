/** `/quotas`: the quotas of the network service, which are fixed. */
import { Type } from 'typebox';
import { quotaTable, quotaUsage } from '#services/network/quotas.ts';
import { authorize, route, unsupportedRoute } from './policy.ts';

const names = Object.keys(quotaTable);
const Quota = Type.Object(Object.fromEntries(names.map((name) => [name, Type.Integer()])));
const Usage = Type.Object({ limit: Type.Integer(), used: Type.Integer(), reserved: Type.Integer() });
const Details = Type.Object(Object.fromEntries(names.map((name) => [name, Usage])));

const quotaRoute = (path: '/quotas/:project' | '/quotas/:project/default', summary: string) =>
  route({
    method: 'GET',
    path,
    policy: 'get_quota',
    summary,
    reply: Type.Object({ quota: Quota }),
    handler: () => ({ quota: quotaTable }),
  });

/** The project of a token: the older client requests it before it shows a quota. */
const ownerRoute = (name: 'tenant' | 'project') =>
  route({
    method: 'GET',
    path: `/quotas/${name}`,
    policy: 'regular_user',
    summary: 'Show the project of the token',
    reply: Type.Object({ [name]: Type.Object({}) }),
    handler: ({ caller }) => ({ [name]: { [`${name}_id`]: caller.project_id, [`${name}_name`]: caller.project_name } }),
  });

export const quotaRoutes = [
  route({
    method: 'GET',
    path: '/quotas',
    policy: 'get_quota',
    summary: 'List the projects whose quotas differ from the defaults: none',
    reply: Type.Object({ quotas: Type.Array(Quota) }),
    handler: () => ({ quotas: [] }),
  }),
  ownerRoute('tenant'),
  ownerRoute('project'),
  quotaRoute('/quotas/:project', 'Show the quotas of a project'),
  quotaRoute('/quotas/:project/default', 'Show the default quotas'),
  route({
    method: 'GET',
    path: '/quotas/:project/details',
    policy: 'get_quota',
    summary: 'Show quotas and usage of a project',
    reply: Type.Object({ quota: Details }),
    async handler(request, context) {
      const { project: project_id } = request.params;
      authorize(request, 'get_quota', { project_id, tenant_id: project_id });
      const used = await quotaUsage(context, project_id);
      const details = Object.entries(quotaTable).map(([name, limit]) => [name, { limit, used: used[name] ?? 0, reserved: 0 }]);
      return { quota: Object.fromEntries(details) };
    },
  }),
  unsupportedRoute({ method: 'PUT', path: '/quotas/:project', policy: 'update_quota', what: 'A network quota' }),
];
