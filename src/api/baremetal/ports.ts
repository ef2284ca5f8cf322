/** `/v1/ports`: the physical NICs of nodes. */
import type { FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { Fault } from '#domain/faults.ts';
import type { JsonObject } from '#domain/json.ts';
import type { NewNodePort } from '#engine/contract.ts';
import { ethernetForm } from '#engine/contract.ts';
import { applyPatch, JsonPatch, membersOf, writtenMembersOf } from '#services/baremetal/json-patch.ts';
import { checkLink, LinkConnection } from '#services/baremetal/link-connection.ts';
import { findMarked, findNamedNode, findNode } from '#services/baremetal/lookup.ts';
import { NodeName, refuseImpossibleIdent, refuseReservedName } from '#services/baremetal/node-names.ts';
import { isUuidLike, uuidPattern } from '#services/baremetal/uuid-like.ts';
import { booleanOf, LooseBoolean } from '#services/loose-booleans.ts';
import type { NodePort } from '#store/tables/node-ports.ts';
import { readPortSortKey } from '#store/tables/node-ports.ts';
import type { ApiContext, ApiScope } from '../context.ts';
import { atLeast, type Microversion } from '../http/microversions.ts';
import { nextUrl, type Page, type PageSource, readPage } from '../http/pagination.ts';
import { field, selectFields } from './fields.ts';
import { refuseLaterFields } from './since.ts';

const Mac = Type.String({ maxLength: 64, pattern: '^[0-9a-fA-F]{2}((:[0-9a-fA-F]{2})+|(-[0-9a-fA-F]{2})+)$' });
const Text = Type.Optional(Type.Union([Type.String({ maxLength: 255 }), Type.Null()]));
const PortFields = {
  address: Mac,
  name: Type.Optional(Type.Union([NodeName, Type.Null()])),
  description: Text,
  vendor: Text,
  category: Text,
  pxe_enabled: Type.Optional(Type.Union([LooseBoolean, Type.Null()])),
  local_link_connection: Type.Optional(Type.Union([LinkConnection, Type.Null()])),
  extra: Type.Optional(Type.Union([Type.Record(Type.String(), Type.Unknown()), Type.Null()])),
};
const NodeIdent = Type.String({ minLength: 1 });
const PortRequest = Type.Object({
  ...PortFields,
  node_uuid: Type.Optional(NodeIdent),
  node_ident: Type.Optional(NodeIdent),
  portgroup_uuid: Type.Optional(Type.Unknown()),
  is_smartnic: Type.Optional(Type.Unknown()),
  physical_network: Type.Optional(Type.Unknown()),
  uuid: Type.Optional(
    Type.Union([Type.String({ pattern: '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$' }), Type.Null()]),
  ),
});
const PatchedPort = Type.Object({ ...PortFields, node_uuid: NodeIdent });

const PortQuery = Type.Object({
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
const PortParams = Type.Object({ port: Type.String() });

export function registerPorts(app: ApiScope, context: ApiContext): void {
  const { engine } = context;
  const list = { schema: { querystring: PortQuery } };
  app.get('/ports', list, (request) => listReply(context, request, { ...request.query }));
  app.get('/ports/detail', list, (request) => listReply(context, request, { ...request.query, detail: true }));
  const ofNode = { schema: { params: Type.Object({ node: Type.String() }), querystring: PortQuery } };
  app.get('/nodes/:node/ports', ofNode, (request) =>
    listReply(context, request, { ...request.query, node: request.params.node }),
  );
  app.get('/nodes/:node/ports/detail', ofNode, (request) =>
    listReply(context, request, { ...request.query, node: request.params.node, detail: true }),
  );

  const fields = Type.Object({ fields: Type.Optional(Type.String()) });
  app.get('/ports/:port', { schema: { params: PortParams, querystring: fields } }, async (request) =>
    portJson(context, request, await findPort(context, request.params.port), request.query),
  );

  app.post('/ports', { schema: { body: PortRequest } }, async (request, reply) => {
    refuseLaterKeys(request.body, Object.keys(request.body), request.microversion);
    refuseFixedFields(request.body);
    const port = await engine.createNodePort(await readPort(context, request.body));
    reply.code(201).header('location', portLinks(context.baseUrl(request), port)[0]?.href);
    return portJson(context, request, port, {});
  });

  app.patch('/ports/:port', { schema: { params: PortParams, body: JsonPatch } }, async (request) => {
    const port = await findPort(context, request.params.port);
    const changes = readPatch(port, request.body);
    refuseLaterKeys(changes, membersOf(request.body), request.microversion);
    if (changes.node_uuid !== undefined) changes.node_uuid = (await findNamedNode(context, changes.node_uuid)).uuid;
    const changed = await engine.updateNodePort(port.uuid, changes);
    return portJson(context, request, changed, {});
  });

  app.delete('/ports/:port', { schema: { params: PortParams } }, async (request, reply) => {
    await engine.deleteNodePort((await findPort(context, request.params.port)).uuid);
    reply.code(204).send();
  });
}

/** By UUID or name. */
async function findPort({ store }: ApiContext, ident: string): Promise<NodePort> {
  refuseImpossibleIdent('port', ident);
  const uuid = ident.toLowerCase();
  const port = await store.node_ports.find(uuidPattern.test(uuid) ? { uuid } : { name: ident });
  if (!port) throw new Fault('notFound', { what: 'Port', id: ident });
  return port;
}

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

/** Keys of OVN's switches behind a hardware gateway. */
const vtepKeys = [
  { name: 'vtep-logical-switch', since: 90, until: 105 },
  { name: 'vtep-physical-switch', since: 90, until: 105 },
];

async function readPort(context: ApiContext, body: Static<typeof PortRequest>): Promise<NewNodePort> {
  const { address, pxe_enabled, local_link_connection, extra, uuid, node_uuid, node_ident } = body;
  const ident = node_ident ?? node_uuid;
  if (ident === undefined || (node_ident !== undefined && node_uuid !== undefined))
    throw new Fault('badRequest', { detail: "A port needs 'node_uuid' or 'node_ident', and one of them only." });
  refuseReservedName(body.name);
  const node = await findNamedNode(context, ident);
  return {
    node_uuid: node.uuid,
    address: macOf(address),
    ...(uuid && { uuid: uuid.toLowerCase() }),
    ...Object.fromEntries(textNames.flatMap((name) => (body[name] ? [[name, body[name]]] : []))),
    ...(pxe_enabled !== undefined && pxe_enabled !== null && { pxe_enabled: booleanOf('pxe_enabled', pxe_enabled) }),
    ...(local_link_connection && { local_link_connection: checkLink(local_link_connection) }),
    ...(extra && { extra: extra as JsonObject }),
  };
}

const textNames = ['name', 'description', 'vendor', 'category'] as const;
const patchable = ['address', 'pxe_enabled', 'local_link_connection', 'extra', 'node_uuid', ...textNames] as const;

function readPatch(port: NodePort, patch: JsonPatch): Partial<Omit<NewNodePort, 'uuid'>> {
  for (const name of membersOf(patch)) {
    if ((patchable as readonly string[]).includes(name)) continue;
    const only = patchable.join(', ');
    throw new Fault('badRequest', { detail: `Cannot patch /${name}. Only the following can be updated: ${only}` });
  }
  const touched = writtenMembersOf(patch);
  const before = Object.fromEntries(patchable.map((name) => [name, port[name]])) as JsonObject;
  const after = { pxe_enabled: true, local_link_connection: {}, extra: {}, ...applyPatch(before, patch) };
  if (!Value.Check(PatchedPort, after)) {
    const [error] = Value.Errors(PatchedPort, after);
    throw new Fault('badRequest', {
      detail: `Invalid value for ${error?.instancePath.slice(1) || 'port'}: it ${error?.message}.`,
    });
  }
  refuseReservedName(after.name);
  // As in a new port: a removed flag is set.
  const pxe_enabled = booleanOf('pxe_enabled', after.pxe_enabled ?? true);
  // A removed or empty text means none.
  const emptied = Object.fromEntries(textNames.map((name) => [name, after[name] || null]));
  const bags = { extra: after.extra ?? {}, local_link_connection: checkLink(after.local_link_connection ?? {}) };
  const changed: Record<string, unknown> = { ...after, ...bags, pxe_enabled, ...emptied };
  const changes = Object.fromEntries([...touched].map((name) => [name, changed[name]]));
  return { ...changes, ...(touched.has('address') && { address: macOf(after.address) }) };
}

/** There are no port groups, Smart NICs or physical network names. */
function refuseFixedFields(body: object): void {
  const { portgroup_uuid, is_smartnic, physical_network } = body as Record<string, unknown>;
  if (portgroup_uuid) {
    const isUuid = isUuidLike(String(portgroup_uuid));
    const detail = isUuid
      ? `Portgroup ${portgroup_uuid} could not be found.`
      : `Expected UUID for portgroup_uuid: ${portgroup_uuid}`;
    throw new Fault('badRequest', { detail });
  }
  if (is_smartnic !== undefined && is_smartnic !== null && booleanOf('is_smartnic', is_smartnic))
    throw new Fault('unsupported', { what: 'A Smart NIC port' });
  if (physical_network) throw new Fault('unsupported', { what: 'The physical network of a port' });
}

const macShape = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/;

/** Canonical form. Zero and multicast addresses are invalid for a NIC; locally administered ones are valid. */
function macOf(text: string): string {
  const address = text.toLowerCase().replaceAll('-', ':');
  if (!macShape.test(address)) throw noMac(text);
  const isGroup = Number.parseInt(address.slice(0, 2), 16) % 2 === 1;
  if (isGroup || address === '00:00:00:00:00:00')
    throw new Fault('badRequest', { detail: `Expected valid MAC address for address: ${text} is none that a NIC has` });
  return address;
}

/** Ironic also accepts InfiniBand ports by the Ethernet form of their GUID. */
function noMac(text: string): Fault {
  const form = ethernetForm(text);
  const hint =
    form === text ? '' : `; the port of an InfiniBand NIC has the Ethernet form of its GUID, ${form}, and extra/client-id`;
  return new Fault('badRequest', { detail: `Expected valid MAC address for address: ${text} is none${hint}` });
}

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
  field<PortView>('portgroup_uuid', 24, () => null),
  field<PortView>('physical_network', 34, () => null),
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

function portJson(context: ApiContext, request: FastifyRequest, port: NodePort, selection: PortSelection): object {
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
  // There are no port groups, and all nodes are in the conductor group without a name.
  if (portgroup !== undefined) throw new Fault('notFound', { what: 'Portgroup', id: portgroup });
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
    address: address === undefined ? undefined : macOf(address),
  };
  const source: PageSource<NodePort, NodePort> = {
    find: (uuid) => findMarked(uuid, 'Port', store.node_ports.find({ uuid })),
    list: (page) => store.node_ports.listPage(wanted, page),
  };
  return readPage(source, { limit, marker, idOf: ({ uuid }) => uuid });
}

async function listReply(context: ApiContext, request: FastifyRequest, query: PortQuery): Promise<object> {
  if (query.detail && query.fields !== undefined)
    throw new Fault('badRequest', { detail: "Can't fetch a subset of fields with 'detail' set" });
  refuseLaterFields(filterTable, Object.keys(query), request.microversion);
  const page = await pageOfPorts(context, query);
  const selection = { fields: query.fields, ...(!query.detail && { brief: ['uuid', 'address', 'links'] }) };
  const ports = page.items.map((port) => portJson(context, request, port, selection));
  return { ports, ...(page.next !== undefined && { next: nextUrl(context, request, page.next) }) };
}
