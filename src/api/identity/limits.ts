/** Registered limits and limits, which other services read. */
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import {
  createLimits,
  createRegisteredLimits,
  deleteLimit,
  deleteRegisteredLimit,
  getLimit,
  getRegisteredLimit,
  listLimits,
  listRegisteredLimits,
  updateLimit,
  updateRegisteredLimit,
} from '#services/identity/limits.ts';
import type { Limit, RegisteredLimit } from '#store/tables/limits.ts';
import type { ApiContext } from '../context.ts';
import { type ListFields, textField } from '../http/list.ts';
import { Maybe, Nullable } from '../http/schemas.ts';
import { viewOf } from '../http/view.ts';
import { builtInOf } from './catalog.ts';
import { selfLink } from './links.ts';
import { collectionLinks, listQuery, readListQuery } from './list-query.ts';
import { authorize, route } from './policy.ts';
import { CollectionLinks, SelfLink } from './schemas.ts';

const Id = Type.String({ maxLength: 255 });
const Most = Type.Integer({ minimum: -1, maximum: 0x7fff_ffff });
const place = {
  service_id: Id,
  region_id: Maybe(Id),
  resource_name: Type.String({ minLength: 1, maxLength: 255 }),
  description: Maybe(Type.String({ maxLength: 4096 })),
};
const closed = { additionalProperties: false };
const RegisteredLimitFields = Type.Object({ ...place, default_limit: Most }, closed);
const LimitFields = Type.Object({ ...place, resource_limit: Most, project_id: Maybe(Id), domain_id: Maybe(Id) }, closed);
const LimitChanges = Type.Object({ resource_limit: Type.Optional(Most), description: place.description }, closed);
/** Of one request. */
const atOnce = { minItems: 1, maxItems: 100 };

const text = Type.String();
const registeredLimitView = viewOf<RegisteredLimit>()({
  id: { type: text, value: ({ id }) => id },
  service_id: { type: text, value: ({ service_id }) => service_id },
  region_id: { type: Nullable(text), value: ({ region_id }) => region_id },
  resource_name: { type: text, value: ({ resource_name }) => resource_name },
  default_limit: { type: Type.Integer(), value: ({ default_limit }) => default_limit },
  description: { type: Nullable(text), value: ({ description }) => description },
  links: { type: SelfLink, value: ({ id }, { request, context }) => selfLink(context, request, `/registered_limits/${id}`) },
});
const limitView = viewOf<Limit>()({
  id: { type: text, value: ({ id }) => id },
  project_id: { type: Nullable(text), value: ({ project_id }) => project_id },
  domain_id: { type: Nullable(text), value: ({ domain_id }) => domain_id },
  service_id: { type: text, value: ({ service_id }) => service_id },
  region_id: { type: Nullable(text), value: ({ region_id }) => region_id },
  resource_name: { type: text, value: ({ resource_name }) => resource_name },
  resource_limit: { type: Type.Integer(), value: ({ resource_limit }) => resource_limit },
  description: { type: Nullable(text), value: ({ description }) => description },
  links: { type: SelfLink, value: ({ id }, { request, context }) => selfLink(context, request, `/limits/${id}`) },
});
const RegisteredLimitReply = Type.Object({ registered_limit: registeredLimitView.schema });
const LimitReply = Type.Object({ limit: limitView.schema });

const ofResource: ListFields = {
  service_id: textField('service_id'),
  region_id: textField('region_id'),
  resource_name: textField('resource_name'),
};
const ofOwner: ListFields = { ...ofResource, project_id: textField('project_id'), domain_id: textField('domain_id') };

export const registeredLimitRoutes = [
  route({
    method: 'GET',
    path: '/registered_limits',
    policy: 'identity:list_registered_limits',
    summary: 'List registered limits',
    query: listQuery(ofResource),
    reply: Type.Object({ registered_limits: Type.Array(registeredLimitView.schema), links: CollectionLinks }),
    async handler(request, context) {
      const page = await listRegisteredLimits(context, readListQuery(request.query, ofResource));
      const links = collectionLinks(context, request, '/registered_limits', page);
      return { registered_limits: page.items.map(registeredLimitView.of(request, context)), links };
    },
  }),
  route({
    method: 'GET',
    path: '/registered_limits/:id',
    policy: 'identity:get_registered_limit',
    summary: 'Show a registered limit',
    reply: RegisteredLimitReply,
    handler: async (request, context) => ({
      registered_limit: registeredLimitView.of(request, context)(await getRegisteredLimit(context, request.params.id)),
    }),
  }),
  route({
    method: 'POST',
    path: '/registered_limits',
    policy: 'identity:create_registered_limits',
    summary: 'Create registered limits',
    status: 201,
    body: Type.Object({ registered_limits: Type.Array(RegisteredLimitFields, atOnce) }, closed),
    reply: Type.Object({ registered_limits: Type.Array(registeredLimitView.schema) }),
    async handler(request, context) {
      const made = await createRegisteredLimits(context, builtInOf(context), request.body.registered_limits);
      return { registered_limits: made.map(registeredLimitView.of(request, context)) };
    },
  }),
  route({
    method: 'PATCH',
    path: '/registered_limits/:id',
    policy: 'identity:update_registered_limit',
    summary: 'Change a registered limit that no limit refers to',
    body: Type.Object({ registered_limit: Type.Partial(RegisteredLimitFields) }, closed),
    reply: RegisteredLimitReply,
    async handler(request, context) {
      const change = { id: request.params.id, fields: request.body.registered_limit };
      const limit = await updateRegisteredLimit(context, builtInOf(context), change);
      return { registered_limit: registeredLimitView.of(request, context)(limit) };
    },
  }),
  route({
    method: 'DELETE',
    path: '/registered_limits/:id',
    policy: 'identity:delete_registered_limit',
    summary: 'Delete a registered limit that no limit refers to',
    status: 204,
    handler: (request, context) => deleteRegisteredLimit(context, request.params.id),
  }),
];

export const limitRoutes = [
  route({
    method: 'GET',
    path: '/limits/model',
    policy: 'identity:get_limit_model',
    summary: 'Show the model by which limits are enforced',
    reply: Type.Object({ model: Type.Object({ name: text, description: text }) }),
    handler: () => ({
      model: {
        name: 'flat',
        description: 'Limit enforcement and validation does not take project hierarchy into consideration.',
      },
    }),
  }),
  route({
    method: 'GET',
    path: '/limits',
    policy: 'identity:list_limits',
    summary: 'List the limits of the scope of the token, or all',
    query: listQuery(ofOwner),
    reply: Type.Object({ limits: Type.Array(limitView.schema), links: CollectionLinks }),
    async handler(request, context) {
      const page = await listLimits(context, request.caller, readListQuery(request.query, ofOwner));
      const links = collectionLinks(context, request, '/limits', page);
      return { limits: page.items.map(limitView.of(request, context)), links };
    },
  }),
  route({
    method: 'GET',
    path: '/limits/:id',
    policy: 'identity:get_limit',
    summary: 'Show a limit',
    reply: LimitReply,
    async handler(request, context) {
      const limit = await getLimit(context, request.params.id);
      await authorizeLimit(context, request, limit);
      return { limit: limitView.of(request, context)(limit) };
    },
  }),
  route({
    method: 'POST',
    path: '/limits',
    policy: 'identity:create_limits',
    summary: 'Create limits of projects and domains',
    status: 201,
    body: Type.Object({ limits: Type.Array(LimitFields, atOnce) }, closed),
    reply: Type.Object({ limits: Type.Array(limitView.schema) }),
    async handler(request, context) {
      const made = await createLimits(context, builtInOf(context), request.body.limits);
      return { limits: made.map(limitView.of(request, context)) };
    },
  }),
  route({
    method: 'PATCH',
    path: '/limits/:id',
    policy: 'identity:update_limit',
    summary: 'Change a limit',
    body: Type.Object({ limit: LimitChanges }, closed),
    reply: LimitReply,
    handler: async (request, context) => ({
      limit: limitView.of(request, context)(await updateLimit(context, request.params.id, request.body.limit)),
    }),
  }),
  route({
    method: 'DELETE',
    path: '/limits/:id',
    policy: 'identity:delete_limit',
    summary: 'Delete a limit',
    status: 204,
    handler: (request, context) => deleteLimit(context, request.params.id),
  }),
];

/** By the names that Keystone's rule has for them. */
async function authorizeLimit({ store }: ApiContext, request: FastifyRequest, { project_id, domain_id }: Limit): Promise<void> {
  const project = project_id === null ? undefined : await store.projects.find({ id: project_id });
  authorize(request, 'identity:get_limit', {
    'target.limit.project_id': project_id,
    'target.limit.domain.id': domain_id,
    'target.limit.project.domain_id': project?.domain_id ?? null,
  });
}
