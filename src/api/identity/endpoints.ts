/** Endpoints of the catalogue: Ingot's own, and those that administrators add. */
import type { FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { createEndpoint, deleteEndpoint, updateEndpoint } from '#services/identity/catalogue.ts';
import type { CatalogEndpoint } from '#store/tables/catalogue.ts';
import type { ApiContext } from '../context.ts';
import { Maybe, Nullable } from '../http/schemas.ts';
import { builtInOf, catalogTable, endpointsOf } from './catalog.ts';
import { collectionRoutes, memberOf } from './catalog-collection.ts';
import { linksTo, selfLink } from './links.ts';
import { route } from './policy.ts';
import { CollectionLinks, refuseNewId, SelfLink } from './schemas.ts';

const Endpoint = Type.Object({
  ...{ id: Type.String(), interface: Type.String(), url: Type.String() },
  ...{ region: Nullable(Type.String()), region_id: Nullable(Type.String()), service_id: Type.String(), enabled: Type.Boolean() },
});
const Interface = Type.Union([Type.Literal('public'), Type.Literal('internal'), Type.Literal('admin')]);
const Id = Type.String({ maxLength: 255, pattern: '^[^/]*$' });
const Fields = Type.Object({
  interface: Interface,
  service_id: Id,
  url: Type.String({ maxLength: 225, pattern: '^[a-zA-Z0-9+.-]+:.+' }),
  region_id: Maybe(Type.String({ ...Id, minLength: 1 })),
  region: Maybe(Id),
  enabled: Type.Optional(Type.Boolean()),
  ...{ name: Type.Optional(Type.String()), description: Maybe(Type.String()) },
});
const member = memberOf('endpoints', 'endpoint', Endpoint);

export const endpointRoutes = [
  ...collectionRoutes({
    ...{ plural: 'endpoints', singular: 'endpoint', rules: ['identity:list_endpoints', 'identity:get_endpoint'], item: Endpoint },
    all: allEndpoints,
  }),
  route({
    method: 'POST',
    path: '/endpoints',
    policy: 'identity:create_endpoint',
    summary: 'Add an endpoint to a service of the catalogue',
    status: 201,
    body: Type.Object({ endpoint: Fields }, { additionalProperties: false }),
    reply: member.schema,
    async handler(request, context) {
      const endpoint = await createEndpoint(context, builtInOf(context), request.body.endpoint);
      return member.reply(context, request, withRegion(endpoint));
    },
  }),
  route({
    method: 'PATCH',
    path: '/endpoints/:id',
    policy: 'identity:update_endpoint',
    summary: 'Change an endpoint of the catalogue',
    body: Type.Object({ endpoint: Type.Partial(Fields, { minProperties: 1 }) }, { additionalProperties: false }),
    reply: member.schema,
    async handler(request, context) {
      const { id } = request.params;
      refuseNewId(request.body.endpoint, id);
      const endpoint = await updateEndpoint(context, builtInOf(context), { id, fields: request.body.endpoint });
      return member.reply(context, request, withRegion(endpoint));
    },
  }),
  route({
    method: 'DELETE',
    path: '/endpoints/:id',
    policy: 'identity:delete_endpoint',
    summary: 'Remove an endpoint from the catalogue',
    status: 204,
    handler: (request, context) => deleteEndpoint(context, builtInOf(context), request.params.id),
  }),
];

/** The built-in ones first. */
export async function allEndpoints(context: ApiContext, request: FastifyRequest): Promise<Static<typeof Endpoint>[]> {
  const own = catalogTable.flatMap((row) =>
    endpointsOf(context, request, row).map((endpoint) => ({ ...endpoint, service_id: row.type, enabled: true })),
  );
  return [...own, ...(await context.store.catalog_endpoints.list({}, { orderBy: 'id' })).map(withRegion)];
}

const ShownEndpoint = Type.Object({ ...Endpoint.properties, links: SelfLink });
/** A list of some of them. */
export const EndpointsReply = Type.Object({ endpoints: Type.Array(ShownEndpoint), links: CollectionLinks });

type EndpointsOf = { readonly path: string; readonly endpoints: readonly Static<typeof Endpoint>[] };

export function endpointsReply(context: ApiContext, request: FastifyRequest, { path, endpoints }: EndpointsOf) {
  const shown = endpoints.map((each) => ({ ...each, links: selfLink(context, request, `/endpoints/${each.id}`) }));
  return { endpoints: shown, links: linksTo(context, request, path) };
}

const withRegion = (endpoint: CatalogEndpoint) => ({ ...endpoint, region: endpoint.region_id });
