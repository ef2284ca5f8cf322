/** `/v1/ports`: the physical NICs of nodes. */
import type { FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { JsonPatch, membersOf } from '#services/baremetal/json-patch.ts';
import { findMarked, findNode, findPort } from '#services/baremetal/lookup.ts';
import { findPortGroup } from '#services/baremetal/port-groups.ts';
import {
  createPort,
  deletePort,
  type PortChanges,
  PortRequest,
  readMac,
  readPortPatch,
  updatePort,
} from '#services/baremetal/ports.ts';
import { type NodePort, readPortSortKey } from '#store/tables/node-ports.ts';
import type { ApiContext } from '../context.ts';
import { atLeast, type Microversion } from '../http/microversions.ts';
import { nextUrl, type Page, type PageSource, readPage } from '../http/pagination.ts';
import { field, selectFields } from './fields.ts';
import { route } from './policy.ts';
import { refuseLaterFields } from './since.ts';

export const PortQuery = Type.Object({
  address: Type.Optional(Type.String()),
  node: Type.Optional(Type.String()),
  node_uuid: Type.Optional(Type.String()),
  portgroup: Type.Optional(Type.String()),
  shard: Type.Optional(Type.String()),
  description_contains: Type.Optional(Type.String()),
  conductor_groups: Type.Optional(Type.String()),
  detail: Type.Optional(Type.Boolean()),
  fields: Type.Optional(Type.String()),
  sort_key: Type.Optional(Type.String()),
  sort_dir: Type.Optional(Type.Union([Type.Literal('asc'), Type.Literal('desc')])),
  limit: Type.Optional(Type.Integer({ minimum: 1 })),
  marker: Type.Optional(Type.String()),
});
type PortQuery = Static<typeof PortQuery>;

const PortReply = Type.Record(Type.String(), Type.Unknown());
type PortReply = Static<typeof PortReply>;
export const PortList = Type.Object({ ports: Type.Array(PortReply), next: Type.Optional(Type.String()) });
type PortList = Static<typeof PortList>;

const listTable = [
  { path: '/ports', summary: 'List ports', isDetailed: false },
  { path: '/ports/detail', summary: 'List ports with details', isDetailed: true },
] as const;
const ofNodeTable = [
  { path: '/nodes/:node/ports', summary: 'List the ports of a node', isDetailed: false },
  { path: '/nodes/:node/ports/detail', summary: 'List the ports of a node with details', isDetailed: true },
] as const;

export const portRoutes = [
  ...listTable.map(({ isDetailed, ...row }) =>
    route({
      ...{ ...row, method: 'GET', policy: 'baremetal:port:list', query: PortQuery, reply: PortList },
      handler: (request, context) => listReply(context, request, { ...request.query, ...(isDetailed && { detail: true }) }),
    }),
  ),
  ...ofNodeTable.map(({ isDetailed, ...row }) =>
    route({
      ...{ ...row, method: 'GET', policy: 'baremetal:port:get', query: PortQuery, reply: PortList },
      handler: (request, context) =>
        listReply(context, request, { ...request.query, node: request.params.node, ...(isDetailed && { detail: true }) }),
    }),
  ),
  route({
    method: 'GET',
    path: '/ports/:port',
    policy: 'baremetal:port:get',
    summary: 'Show a port',
    query: Type.Object({ fields: Type.Optional(Type.String()) }),
    reply: PortReply,
    handler: async (request, context) => portJson(context, request, await findPort(context, request.params.port), request.query),
  }),
  route({
    method: 'POST',
    path: '/ports',
    policy: 'baremetal:port:create',
    summary: 'Create a port',
    status: 201,
    body: PortRequest,
    reply: PortReply,
    async handler(request, context, reply) {
      refuseLaterKeys(request.body, Object.keys(request.body), request.microversion);
      const port = await createPort(context, request.body);
      reply.header('location', portLinks(context.baseUrl(request), port)[0]?.href);
      return portJson(context, request, port, {});
    },
  }),
  route({
    method: 'PATCH',
    path: '/ports/:port',
    policy: 'baremetal:port:update',
    summary: 'Change a port',
    body: JsonPatch,
    reply: PortReply,
    async handler(request, context) {
      const port = await findPort(context, request.params.port);
      const changes = readPortPatch(port, request.body);
      refuseLaterKeys(changes, membersOf(request.body), request.microversion);
      refuseOwnNetwork(port, changes, request.microversion);
      return portJson(context, request, await updatePort(context, port, changes), {});
    },
  }),
  route({
    method: 'DELETE',
    path: '/ports/:port',
    policy: 'baremetal:port:delete',
    summary: 'Delete a port',
    status: 204,
    handler: (request, context) => deletePort(context, request.params.port),
  }),
];

/** Rejects written fields, and keys of a link, of a later microversion. */
function refuseLaterKeys(
  { local_link_connection: link }: object & { local_link_connection?: unknown },
  names: Iterable<string>,
  version: Microversion,
): void {
  refuseLaterFields([...portFields, { name: 'node_ident', since: 94 }], names, version);
  const keys = Object.keys(link ?? {});
  refuseLaterFields(vtepKeys, keys, version);
  const gone = vtepKeys.find(({ name, until }) => keys.includes(name) && atLeast(version, until));
  if (gone) throw new Fault('notAcceptable', { detail: `'${gone.name}' went with API version 1.${gone.until}.` });
}

/** From 1.102 on, a port group has a physical network, which is that of its ports. */
function refuseOwnNetwork(port: NodePort, changes: PortChanges, version: Microversion): void {
  if (!('physical_network' in changes) || !atLeast(version, 102)) return;
  if ((changes.portgroup_uuid === undefined ? port : changes).portgroup_uuid === null) return;
  const detail = 'physical_network cannot be changed while the port belongs to a portgroup.';
  throw new Fault('badRequest', { detail });
}

/** Keys of OVN's switches behind a hardware gateway. */
const vtepKeys = [
  { name: 'vtep-logical-switch', since: 90, until: 105 },
  { name: 'vtep-physical-switch', since: 90, until: 105 },
];

type PortView = { port: NodePort; base: string };
const plain = (name: keyof NodePort & string, since = 1) => field<PortView>(name, since, ({ port }) => port[name]);

const portFields = [
  plain('uuid'),
  plain('address'),
  plain('name', 88),
  plain('node_uuid'),
  plain('extra'),
  field<PortView>('internal_info', 18, ({ port }) => (port.vif_port_id ? { tenant_vif_port_id: port.vif_port_id } : {})),
  plain('local_link_connection', 19),
  plain('pxe_enabled', 19),
  plain('portgroup_uuid', 24),
  plain('physical_network', 34),
  field<PortView>('is_smartnic', 53, () => false),
  plain('description', 97),
  plain('vendor', 100),
  plain('category', 101),
  plain('created_at'),
  plain('updated_at'),
  field<PortView>('links', 1, ({ port, base }) => portLinks(base, port)),
];

function portLinks(base: string, { uuid }: NodePort) {
  return [
    { href: `${base}/baremetal/v1/ports/${uuid}`, rel: 'self' },
    { href: `${base}/baremetal/ports/${uuid}`, rel: 'bookmark' },
  ];
}

type PortSelection = { fields?: string | undefined; brief?: readonly string[] };

function portJson(context: ApiContext, request: FastifyRequest, port: NodePort, selection: PortSelection): PortReply {
  return selectFields(portFields, { port, base: context.baseUrl(request) }, { ...selection, version: request.microversion });
}

/** Filters by microversion. */
const filterTable = [
  { name: 'shard', since: 82 },
  { name: 'description_contains', since: 97 },
  { name: 'conductor_groups', since: 99 },
];

async function pageOfPorts(context: ApiContext, query: PortQuery): Promise<Page<NodePort>> {
  const { address, portgroup, shard, description_contains: text, conductor_groups: groups, limit, marker } = query;
  const ident = query.node ?? query.node_uuid;
  if (shard !== undefined && (ident !== undefined || portgroup !== undefined))
    throw new Fault('badRequest', { detail: "'shard' cannot be combined with a node or a port group." });
  // All nodes are in the conductor group without a name.
  if (groups !== undefined && !groups.split(',').includes('')) return { items: [], next: undefined };
  const { store } = context;
  const wanted = {
    ...{
      text,
      shards: shard?.split(','),
      sortBy: readPortSortKey(query.sort_key || undefined),
      descending: query.sort_dir === 'desc',
    },
    node_uuid: ident === undefined ? undefined : (await findNode(context, ident)).uuid,
    address: address === undefined ? undefined : readMac(address),
    portgroup_uuid: portgroup === undefined ? undefined : (await findPortGroup(context, portgroup)).uuid,
  };
  const source: PageSource<NodePort, NodePort> = {
    find: (uuid) => findMarked(uuid, 'Port', store.node_ports.find({ uuid })),
    list: (page) => store.node_ports.listPage(wanted, page),
  };
  return readPage(source, { limit, marker, idOf: ({ uuid }) => uuid });
}

export async function listReply(context: ApiContext, request: FastifyRequest, query: PortQuery): Promise<PortList> {
  if (query.detail && query.fields !== undefined)
    throw new Fault('badRequest', { detail: "Can't fetch a subset of fields with 'detail' set" });
  refuseLaterFields(filterTable, Object.keys(query), request.microversion);
  const page = await pageOfPorts(context, query);
  const selection = { fields: query.fields, ...(!query.detail && { brief: ['uuid', 'address', 'links'] }) };
  const ports = page.items.map((port) => portJson(context, request, port, selection));
  return { ports, ...(page.next !== undefined && { next: nextUrl(context, request, page.next) }) };
}
