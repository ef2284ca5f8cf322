/** The catalogue for administrators: regions, services, endpoints. It derives from the settings. */
import type { FastifyRequest } from 'fastify';
import { type Static, type TObject, Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import type { ApiContext } from '../context.ts';
import { pageQuery } from '../http/schemas.ts';
import { catalogTable, endpointsOf } from './catalog.ts';
import { pageOfCollection, selfLink } from './links.ts';
import { type IdentityRule, route } from './policy.ts';
import { CollectionLinks, SelfLink } from './schemas.ts';

const filterNames = ['name', 'type', 'service_id', 'interface', 'region_id'] as const;
const text = Type.Optional(Type.String());
const Filters = Type.Object({
  ...{ name: text, type: text, service_id: text, interface: text, region_id: text },
  ...pageQuery,
});

const Region = Type.Object({ id: Type.String(), description: Type.String(), parent_region_id: Type.Null() });
const Service = Type.Object({
  ...{ id: Type.String(), type: Type.String(), name: Type.String() },
  ...{ description: Type.String(), enabled: Type.Boolean() },
});
const Endpoint = Type.Object({
  ...{ id: Type.String(), interface: Type.String(), url: Type.String() },
  ...{ region: Type.String(), region_id: Type.String(), service_id: Type.String(), enabled: Type.Boolean() },
});

type Collection<Schema extends TObject> = {
  readonly plural: string;
  readonly singular: string;
  readonly rules: readonly [list: IdentityRule, get: IdentityRule];
  readonly item: Schema;
  readonly all: (context: ApiContext, request: FastifyRequest) => (Static<Schema> & { readonly id: string })[];
};

function collectionRoutes<Schema extends TObject>({ plural, singular, rules, item, all }: Collection<Schema>) {
  const shown = Type.Object({ ...item.properties, links: SelfLink });
  const withLinks = (context: ApiContext, request: FastifyRequest) => (each: { readonly id: string }) => ({
    ...each,
    links: selfLink(context, request, `/${plural}/${each.id}`),
  });
  return [
    route({
      method: 'GET',
      path: `/${plural}`,
      policy: rules[0],
      summary: `List ${plural}`,
      query: Filters,
      reply: Type.Unsafe<object>(Type.Object({ [plural]: Type.Array(shown), links: CollectionLinks })),
      async handler(request, context) {
        const query: Readonly<Record<string, unknown>> = request.query;
        const isAsked = (each: Readonly<Record<string, unknown>>) =>
          filterNames.every((name) => query[name] === undefined || each[name] === query[name]);
        const asked = all(context, request).filter(isAsked);
        const { items, links } = pageOfCollection(context, request, { path: `/${plural}`, all: asked, query: request.query });
        return { [plural]: items.map(withLinks(context, request)), links };
      },
    }),
    route({
      method: 'GET',
      path: `/${plural}/:id`,
      policy: rules[1],
      summary: `Show one of the ${plural}`,
      reply: Type.Unsafe<object>(Type.Object({ [singular]: shown })),
      async handler(request, context) {
        const { id } = request.params as { id: string };
        const found = all(context, request).find((candidate) => candidate.id === id);
        if (!found) throw new Fault('notFound', { what: singular, id });
        return { [singular]: withLinks(context, request)(found) };
      },
    }),
  ];
}

export const catalogRoutes = [
  ...collectionRoutes({
    ...{ plural: 'regions', singular: 'region', rules: ['identity:list_regions', 'identity:get_region'], item: Region },
    all: ({ settings }) => [{ id: settings.region, description: '', parent_region_id: null }],
  }),
  ...collectionRoutes({
    ...{ plural: 'services', singular: 'service', rules: ['identity:list_services', 'identity:get_service'], item: Service },
    all: () => catalogTable.map(({ type, name }) => ({ id: type, type, name, description: '', enabled: true })),
  }),
  ...collectionRoutes({
    ...{ plural: 'endpoints', singular: 'endpoint', rules: ['identity:list_endpoints', 'identity:get_endpoint'], item: Endpoint },
    all: (context, request) =>
      catalogTable.flatMap((row) =>
        endpointsOf(context, request, row).map((endpoint) => ({ ...endpoint, service_id: row.type, enabled: true })),
      ),
  }),
];
