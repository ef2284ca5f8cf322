/** The service catalogue: the endpoint of each service. */
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { ApiContext } from '../context.ts';

const CatalogEndpoint = Type.Object({
  ...{ id: Type.String(), interface: Type.String(), url: Type.String() },
  ...{ region: Type.String(), region_id: Type.String() },
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

export function catalogOf(context: ApiContext, request: FastifyRequest) {
  return catalogTable.map((row) => ({
    id: row.type,
    type: row.type,
    name: row.name,
    endpoints: endpointsOf(context, request, row),
  }));
}
