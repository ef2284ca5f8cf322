/** The service catalogue of a token: the endpoints of each service. */
import type { FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import type { Caller } from '#services/caller.ts';
import type { BuiltIn } from '#services/identity/catalogue.ts';
import { endpointFilterOf } from '#services/identity/endpoint-filter.ts';
import { urlFor } from '#services/identity/endpoint-urls.ts';
import type { CatalogEndpoint as StoredEndpoint } from '#store/tables/catalogue.ts';
import type { ApiContext } from '../context.ts';
import { Nullable } from '../http/schemas.ts';

const CatalogEndpoint = Type.Object({
  ...{ id: Type.String(), interface: Type.String(), url: Type.String() },
  ...{ region: Nullable(Type.String()), region_id: Nullable(Type.String()) },
});
export const CatalogEntry = Type.Object({
  ...{ id: Type.String(), type: Type.String(), name: Type.String() },
  endpoints: Type.Array(CatalogEndpoint),
});

type CatalogRow = { readonly type: string; readonly name: string; readonly path: string };

export const catalogTable: readonly CatalogRow[] = [
  { type: 'identity', name: 'keystone', path: '/identity' },
  { type: 'compute', name: 'nova', path: '/compute/v2.1' },
  { type: 'image', name: 'glance', path: '/image' },
  { type: 'network', name: 'neutron', path: '/network' },
  { type: 'baremetal', name: 'ironic', path: '/baremetal' },
];

const interfaces = ['public', 'internal', 'admin'] as const;

/** What no request can change. */
export function builtInOf({ settings }: ApiContext): BuiltIn {
  const services = catalogTable.map(({ type }) => type);
  const endpoints = services.flatMap((type) => interfaces.map((name) => `${type}-${name}`));
  return { region: settings.region, services, endpoints };
}

/** Ids derive from names, so they survive a restart. */
export function endpointsOf(context: ApiContext, request: FastifyRequest, row: CatalogRow) {
  const region = context.settings.region;
  return interfaces.map((name) => ({
    id: `${row.type}-${name}`,
    interface: name,
    region,
    region_id: region,
    url: `${context.baseUrl(request)}${row.path}`,
  }));
}

/** For a token of this caller: what is disabled is left out, and endpoints whose URL names what the token lacks. */
export async function catalogOf(context: ApiContext, request: FastifyRequest, caller: Caller): Promise<Entry[]> {
  const { store } = context;
  const added = await store.catalog_services.list({ enabled: true }, { orderBy: 'id' });
  const services: Entry[] = [
    ...catalogTable.map((row) => ({
      id: row.type,
      type: row.type,
      name: row.name,
      endpoints: endpointsOf(context, request, row),
    })),
    ...added.map(({ id, type, name }) => ({ id, type, name, endpoints: [] })),
  ];
  const byId = new Map(services.map((service) => [service.id, service]));
  for (const endpoint of await store.catalog_endpoints.list({ enabled: true }, { orderBy: 'id' })) {
    const url = urlFor(endpoint.url, caller);
    if (url !== undefined) byId.get(endpoint.service_id)?.endpoints.push(shown(endpoint, url));
  }
  return filtered(context, services, caller);
}

/** Of a project with an endpoint filter, what this shows, and no service without an endpoint. */
async function filtered(context: ApiContext, services: Entry[], { project_id }: Caller): Promise<Entry[]> {
  const isShown = project_id === '' ? undefined : await endpointFilterOf(context, project_id);
  if (!isShown) return services;
  const left = services.map(({ endpoints, ...service }) => ({
    ...service,
    endpoints: endpoints.filter((endpoint) => isShown({ ...endpoint, service_id: service.id })),
  }));
  const some = left.filter(({ endpoints }) => endpoints.length > 0);
  if (some.length > 0) return some;
  // As in Keystone: a filter by which no endpoint is shown is none, but those it names may be disabled.
  return (await context.store.catalog_endpoints.list({ enabled: false })).some(isShown) ? [] : services;
}

type Entry = Static<typeof CatalogEntry>;

function shown({ id, interface: name, region_id }: StoredEndpoint, url: string) {
  return { id, interface: name, region: region_id, region_id, url };
}
