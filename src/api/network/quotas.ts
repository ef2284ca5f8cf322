/** `/quotas`: how many of each resource a project may have. */
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import {
  changedQuotas,
  defaultQuotas,
  type QuotaName,
  quotaNames,
  quotasOf,
  quotaUsage,
  resetQuotas,
  setQuotas,
} from '#services/network/quotas.ts';
import { authorize, route } from './policy.ts';

const each = <T>(value: T) => Object.fromEntries(quotaNames.map((name) => [name, value])) as Record<QuotaName, T>;
const Quota = Type.Object(each(Type.Integer()));
const Usage = Type.Object({ limit: Type.Integer(), used: Type.Integer(), reserved: Type.Integer() });
const Details = Type.Object(each(Usage));
const QuotaReply = Type.Object({ quota: Quota });

const Limit = Type.Optional(Type.Union([Type.Integer(), Type.String({ pattern: '^-?[0-9]{1,10}$' })]));
const Changes = Type.Object(
  { ...each(Limit), force: Type.Optional(Type.Boolean()), check_limit: Type.Optional(Type.Boolean()) },
  { additionalProperties: false },
);
/** Of the column in Neutron's database. */
const largest = 2 ** 31 - 1;

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

/** Its own are shown to anyone. */
function authorizeRead(request: FastifyRequest<{ Params: { project: string } }>): string {
  const { project } = request.params;
  authorize(request, 'get_quota', { project_id: project, tenant_id: project });
  return project;
}

function limitOf(name: string, value: number | string): number {
  const limit = Number(value);
  if (limit >= -1 && limit <= largest) return limit;
  const detail = `Invalid input for ${name}. Reason: '${value}' is not in range [-1, ${largest}].`;
  throw new Fault('badRequest', { detail, type: 'HTTPBadRequest' });
}

const detailsRoute = (path: '/quotas/:project/details' | '/quotas/:project/details.json') =>
  route({
    method: 'GET',
    path,
    policy: 'get_quota',
    summary: 'Show quotas and usage of a project',
    reply: Type.Object({ quota: Details }),
    async handler(request, context) {
      const project = authorizeRead(request);
      const [limits, used] = [await quotasOf(context, project), await quotaUsage(context, project)];
      const details = quotaNames.map((name) => [name, { limit: limits[name], used: used[name], reserved: 0 }] as const);
      return { quota: Object.fromEntries(details) as Record<QuotaName, { limit: number; used: number; reserved: number }> };
    },
  });

export const quotaRoutes = [
  route({
    method: 'GET',
    path: '/quotas',
    policy: 'get_quota',
    summary: 'List the quotas of projects that differ from the defaults',
    reply: Type.Object({ quotas: Type.Array(Quota) }),
    async handler(request, context) {
      const quotas = await changedQuotas(context);
      const { is_admin, project_id } = request.caller;
      return { quotas: is_admin ? quotas : quotas.filter((quota) => quota.project_id === project_id) };
    },
  }),
  ownerRoute('tenant'),
  ownerRoute('project'),
  route({
    method: 'GET',
    path: '/quotas/:project',
    policy: 'get_quota',
    summary: 'Show the quotas of a project',
    reply: QuotaReply,
    handler: async (request, context) => ({ quota: await quotasOf(context, authorizeRead(request)) }),
  }),
  route({
    method: 'GET',
    path: '/quotas/:project/default',
    policy: 'get_quota',
    summary: 'Show the default quotas',
    reply: QuotaReply,
    handler(request) {
      authorizeRead(request);
      return { quota: defaultQuotas };
    },
  }),
  // With the suffix that Neutron's own client sends.
  detailsRoute('/quotas/:project/details'),
  detailsRoute('/quotas/:project/details.json'),
  route({
    method: 'PUT',
    path: '/quotas/:project',
    policy: 'update_quota',
    summary: 'Set quotas of a project',
    params: Type.Object({ project: Type.String({ maxLength: 255 }) }),
    body: Type.Object({ quota: Changes }),
    reply: QuotaReply,
    async handler(request, context) {
      const { project } = request.params;
      const { force = false, check_limit: _, ...wanted } = request.body.quota;
      const limits = Object.fromEntries(
        Object.entries(wanted).flatMap(([name, value]) => (value === undefined ? [] : [[name, limitOf(name, value)]])),
      );
      await setQuotas(context, project, { limits, force });
      return { quota: await quotasOf(context, project) };
    },
  }),
  route({
    method: 'DELETE',
    path: '/quotas/:project',
    policy: 'delete_quota',
    summary: 'Reset the quotas of a project to the defaults',
    status: 204,
    handler: (request, context) => resetQuotas(context, request.params.project),
  }),
];
