/** The catalogue for administrators: regions, services, endpoints. It derives from the settings. */
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import type { ApiContext, ApiScope } from '../context.ts';
import { catalogTable, endpointsOf } from './catalog.ts';
import { linksTo, pageOfCollection, pageQuery } from './links.ts';

const ById = Type.Object({ id: Type.String() });
const filterNames = ['name', 'type', 'service_id', 'interface', 'region_id'] as const;
const text = Type.Optional(Type.String());
const Filters = Type.Object({
  ...{ name: text, type: text, service_id: text, interface: text, region_id: text },
  ...pageQuery,
});
type Filterable = { id: string; [field: string]: unknown };

export function registerEndpoints(app: ApiScope, context: ApiContext): void {
  const collections = {
    regions: () => [{ id: context.settings.region, description: '', parent_region_id: null }],
    services: () => catalogTable.map(({ type, name }) => ({ id: type, type, name, description: '', enabled: true })),
  } satisfies Record<string, () => Filterable[]>;
  for (const [name, all] of Object.entries(collections)) {
    addCollection(app, context, { plural: name, singular: name.slice(0, -1), all });
  }
  addCollection(app, context, {
    plural: 'endpoints',
    singular: 'endpoint',
    all: (request) =>
      catalogTable.flatMap((row) =>
        endpointsOf(context, request, row).map((endpoint) => ({ ...endpoint, service_id: row.type, enabled: true })),
      ),
  });
  app.get('/groups', async (request) => ({ groups: [], links: linksTo(context, request, '/groups') }));
}

type Collection = {
  plural: string;
  singular: string;
  all: (request: Parameters<typeof endpointsOf>[1]) => Filterable[];
};

function addCollection(app: ApiScope, context: ApiContext, { plural, singular, all }: Collection): void {
  app.get(`/${plural}`, { schema: { querystring: Filters } }, async (request) => {
    const { query } = request;
    const isAsked = (item: Filterable) => filterNames.every((name) => query[name] === undefined || item[name] === query[name]);
    const { items, links } = pageOfCollection(context, request, { path: `/${plural}`, all: all(request).filter(isAsked), query });
    return { [plural]: items, links };
  });
  app.get(`/${plural}/:id`, { schema: { params: ById } }, async (request) => {
    const item = all(request).find((candidate) => candidate.id === request.params.id);
    if (!item) throw new Fault('notFound', { what: singular, id: request.params.id });
    return { [singular]: item };
  });
}
