/** Services of the catalogue: Ingot's own, and those that administrators add. */
import { Type } from 'typebox';
import { createService, deleteService, updateService } from '#services/identity/catalogue.ts';
import { somethingVisible } from '../http/printable-text.ts';
import { Maybe } from '../http/schemas.ts';
import { builtInOf, catalogTable } from './catalog.ts';
import { collectionRoutes, memberOf } from './catalog-collection.ts';
import { route } from './policy.ts';
import { refuseNewId } from './schemas.ts';

const Service = Type.Object({
  ...{ id: Type.String(), type: Type.String(), name: Type.String() },
  ...{ description: Type.String(), enabled: Type.Boolean() },
});
const Fields = Type.Object({
  type: Type.String({ minLength: 1, maxLength: 255 }),
  name: Type.Optional(Type.String({ minLength: 1, maxLength: 255, pattern: somethingVisible })),
  description: Maybe(Type.String({ maxLength: 255 })),
  enabled: Type.Optional(Type.Boolean()),
});
const member = memberOf('services', 'service', Service);

export const serviceRoutes = [
  ...collectionRoutes({
    ...{ plural: 'services', singular: 'service', rules: ['identity:list_services', 'identity:get_service'], item: Service },
    all: async ({ store }) => [
      ...catalogTable.map(({ type, name }) => ({ id: type, type, name, description: '', enabled: true })),
      ...(await store.catalog_services.list({}, { orderBy: 'id' })),
    ],
  }),
  route({
    method: 'POST',
    path: '/services',
    policy: 'identity:create_service',
    summary: 'Add a service to the catalogue',
    status: 201,
    body: Type.Object({ service: Fields }, { additionalProperties: false }),
    reply: member.schema,
    handler: async (request, context) => member.reply(context, request, await createService(context, request.body.service)),
  }),
  route({
    method: 'PATCH',
    path: '/services/:id',
    policy: 'identity:update_service',
    summary: 'Change a service of the catalogue',
    body: Type.Object({ service: Type.Partial(Fields, { minProperties: 1 }) }, { additionalProperties: false }),
    reply: member.schema,
    async handler(request, context) {
      refuseNewId(request.body.service, request.params.id);
      const service = await updateService(context, builtInOf(context), request.params.id, request.body.service);
      return member.reply(context, request, service);
    },
  }),
  route({
    method: 'DELETE',
    path: '/services/:id',
    policy: 'identity:delete_service',
    summary: 'Remove a service and its endpoints from the catalogue',
    status: 204,
    handler: (request, context) => deleteService(context, builtInOf(context), request.params.id),
  }),
];
