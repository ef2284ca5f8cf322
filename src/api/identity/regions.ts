/** Regions: that of the settings, and those that administrators add. */
import type { FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { createRegion, deleteRegion, updateRegion } from '#services/identity/catalogue.ts';
import type { ApiContext } from '../context.ts';
import { Maybe, Nullable } from '../http/schemas.ts';
import { builtInOf } from './catalog.ts';
import { collectionRoutes, memberOf } from './catalog-collection.ts';
import { route } from './policy.ts';
import { refuseNewId } from './schemas.ts';

const Region = Type.Object({ id: Type.String(), description: Type.String(), parent_region_id: Nullable(Type.String()) });
const Id = Type.String({ maxLength: 255, pattern: '^[^/]*$' });
const Fields = Type.Object({
  id: Type.Optional(Id),
  description: Maybe(Type.String({ maxLength: 255 })),
  parent_region_id: Maybe(Id),
});
const Body = Type.Object({ region: Fields }, { additionalProperties: false });
const member = memberOf('regions', 'region', Region);

export const regionRoutes = [
  ...collectionRoutes({
    ...{ plural: 'regions', singular: 'region', rules: ['identity:list_regions', 'identity:get_region'], item: Region },
    all: async ({ settings, store }) => [
      { id: settings.region, description: '', parent_region_id: null },
      ...(await store.regions.list({}, { orderBy: 'id' })),
    ],
  }),
  route({
    method: 'POST',
    path: '/regions',
    policy: 'identity:create_region',
    summary: 'Create a region',
    status: 201,
    body: Body,
    reply: member.schema,
    handler: (request, context) => create(context, request, request.body.region),
  }),
  route({
    method: 'PUT',
    path: '/regions/:id',
    policy: 'identity:create_region',
    summary: 'Create a region of this id',
    status: 201,
    body: Body,
    reply: member.schema,
    async handler(request, context) {
      const { id } = request.params;
      const given = request.body.region.id ?? id;
      if (given !== id) throw new Fault('badRequest', { detail: `Conflicting region IDs specified: "${id}" != "${given}"` });
      return create(context, request, { ...request.body.region, id });
    },
  }),
  route({
    method: 'PATCH',
    path: '/regions/:id',
    policy: 'identity:update_region',
    summary: 'Change a region',
    body: Type.Object({ region: Type.Object(Fields.properties, { minProperties: 1 }) }, { additionalProperties: false }),
    reply: member.schema,
    async handler(request, context) {
      refuseNewId(request.body.region, request.params.id);
      const { id: _, ...fields } = request.body.region;
      const region = await updateRegion(context, builtInOf(context), request.params.id, fields);
      return member.reply(context, request, region);
    },
  }),
  route({
    method: 'DELETE',
    path: '/regions/:id',
    policy: 'identity:delete_region',
    summary: 'Delete a region without endpoints, with the regions in it',
    status: 204,
    handler: (request, context) => deleteRegion(context, builtInOf(context), request.params.id),
  }),
];

async function create(context: ApiContext, request: FastifyRequest, fields: Static<typeof Fields>) {
  return member.reply(context, request, await createRegion(context, builtInOf(context), fields));
}
