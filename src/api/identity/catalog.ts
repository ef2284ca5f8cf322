/** The service catalogue: the endpoint of each service. */
import type { FastifyRequest } from 'fastify';
import type { ApiContext } from '../context.ts';

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
