/** `/v1/ports`: the physical NICs of nodes. */
import type { FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { JsonPatch, membersOf } from '#services/baremetal/json-patch.ts';
import { findPort } from '#services/baremetal/lookup.ts';
import { listPorts } from '#services/baremetal/port-lists.ts';
import { createPort, deletePort, type PortChanges, PortRequest, readPortPatch, updatePort } from '#services/baremetal/ports.ts';
import type { NodePort } from '#store/tables/node-ports.ts';
import type { ApiContext } from '../context.ts';
import { atLeast, type Microversion } from '../http/microversions.ts';
import { nextMember } from '../http/pagination.ts';
import { field, refuseLaterSortKey, selectFields } from './fields.ts';
import { authorizeMove, authorizeNamed, listProject, ofProject, refuseHiddenNode } from './node-access.ts';
import { PageQuery, pageOf, selectionOf, Word } from './page-query.ts';
import { route } from './policy.ts';
import { refuseLaterFields } from './since.ts';

const Filters = Type.Object({
  address: Word,
  node: Word,
  node_uuid: Word,
  portgroup: Word,
  shard: Word,
  description_contains: Word,
  conductor_groups: Word,
});
export const PortQuery = Type.Interface([PageQuery, Filters], {});
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
      const { node_uuid, node_ident } = request.body as { node_uuid?: string; node_ident?: string };
      const ident = node_uuid ?? node_ident;
      if (ident !== undefined) await authorizeNamed(context, request, { ident, rule: 'baremetal:port:create' });
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
      await authorizeMove(context, request, { patch: request.body, rule: 'baremetal:port:update' });
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
  plain('available_for_dynamic_portgroup', 111),
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

const briefFields = ['uuid', 'address'];

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

export async function listReply(context: ApiContext, request: FastifyRequest, query: PortQuery): Promise<PortList> {
  const selection = selectionOf(query, briefFields);
  refuseLaterFields(filterTable, Object.keys(query), request.microversion);
  refuseLaterSortKey(portFields, query.sort_key, request.microversion);
  const { node_uuid, node = node_uuid, ...filters } = query;
  await refuseHiddenNode(context, request, node);
  const visible = ofProject(listProject(request, 'port'));
  const page = await listPorts(context, { ...filters, ...pageOf(query), node, visible });
  const ports = page.items.map((port) => portJson(context, request, port, selection));
  return { ports, ...nextMember(context, request, page.next) };
}
