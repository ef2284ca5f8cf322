/** Lists of the ports of nodes. */
import { Fault } from '#domain/faults.ts';
import { type Condition, contains, isAmong, isEqual, isOneOf, nothing } from '#store/conditions.ts';
import type { ListPage } from '#store/list.ts';
import { listTables } from '#store/list-tables.ts';
import type { NodePort } from '#store/tables/node-ports.ts';
import type { BaremetalContext } from './context.ts';
import { findMarked, findNode } from './lookup.ts';
import { findPortGroup } from './port-groups.ts';
import { readMac } from './ports.ts';
import { type ListRequest, listRecords } from './record-lists.ts';

type StoreContext = Pick<BaremetalContext, 'store'>;

export type PortFilters = {
  /** UUID or name. */
  readonly node?: string | undefined;
  readonly address?: string | undefined;
  /** UUID or name. */
  readonly portgroup?: string | undefined;
  /** Several are separated by commas, as are conductor groups. */
  readonly shard?: string | undefined;
  readonly description_contains?: string | undefined;
  readonly conductor_groups?: string | undefined;
};

const sortable = [
  ...(['uuid', 'address', 'name', 'node_uuid', 'pxe_enabled', 'description', 'vendor', 'category'] as const),
  ...(['created_at', 'updated_at', 'physical_network', 'available_for_dynamic_portgroup'] as const),
];

/** @throws Fault `badRequest` for unknown sort keys and combined filters, `notFound` for an unknown marker */
export async function listPorts(context: StoreContext, request: ListRequest & PortFilters): Promise<ListPage<NodePort>> {
  const { node_ports: collection } = context.store;
  const find = (marker: string) => findMarked(marker, 'Port', (uuid) => collection.find({ uuid }));
  const where = await conditionsOf(context, request);
  return listRecords({ collection, table: listTables.node_ports, sortable, where, find }, request);
}

async function conditionsOf(context: StoreContext, filters: PortFilters): Promise<Condition[]> {
  refuseCombined(filters);
  const { node, address, portgroup, shard, description_contains: text, conductor_groups: groups } = filters;
  const inShards = { table: 'nodes', select: 'uuid', where: [isOneOf('shard', shard?.split(',') ?? [])] };
  return [
    ...(node === undefined ? [] : [isEqual('node_uuid', (await findNode(context, node)).uuid)]),
    ...(address === undefined ? [] : [isEqual('address', readMac(address))]),
    ...(portgroup === undefined ? [] : [isEqual('portgroup_uuid', (await findPortGroup(context, portgroup)).uuid)]),
    ...(shard === undefined ? [] : [isAmong('node_uuid', inShards)]),
    ...(text === undefined ? [] : [contains('description', text)]),
    // All nodes are in the conductor group without a name.
    ...(groups === undefined || groups.split(',').includes('') ? [] : [nothing]),
  ];
}

/** In the words of Ironic, which combines a few filters only. */
function refuseCombined({ node, address, portgroup, shard, conductor_groups }: PortFilters): void {
  if ([node, portgroup, shard].filter(Boolean).length > 1) throw new Fault('forbidden', { detail: 'Operation not permitted.' });
  if (!conductor_groups || !(node || portgroup || address)) return;
  const detail = 'Filtering by conductor_groups cannot be combined with node_ident, portgroup_ident, or node address filters.';
  throw new Fault('badRequest', { detail });
}
