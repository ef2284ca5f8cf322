/** `/v1/ports`: the physical NICs of nodes. */
import type { FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { asFault, Fault } from '#domain/faults.ts';
import type { JsonObject, NodePort } from '#domain/records.ts';
import type { NewNodePort } from '#engine/contract.ts';
import type { ApiContext, ApiScope } from '../context.ts';
import { nextUrl, pageOf } from '../pagination.ts';
import { field, selectFields, sortRecords } from './fields.ts';
import { applyPatch, JsonPatch } from './json-patch.ts';
import { findNode } from './lookup.ts';

const Mac = Type.String({ pattern: '^[0-9a-fA-F]{2}([:-][0-9a-fA-F]{2}){5}$' });
const LinkConnection = Type.Object(
  {
    switch_id: Type.Optional(Type.String({ maxLength: 255 })),
    port_id: Type.Optional(Type.String({ maxLength: 255 })),
    switch_info: Type.Optional(Type.String({ maxLength: 255 })),
    hostname: Type.Optional(Type.String({ maxLength: 255 })),
    network_type: Type.Optional(Type.String({ maxLength: 255 })),
  },
  { additionalProperties: false },
);
const PortFields = {
  address: Mac,
  node_uuid: Type.String({ minLength: 1 }),
  pxe_enabled: Type.Optional(Type.Boolean()),
  local_link_connection: Type.Optional(LinkConnection),
  extra: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
};
const PortRequest = Type.Object({
  ...PortFields,
  uuid: Type.Optional(
    Type.Union([Type.String({ pattern: '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$' }), Type.Null()]),
  ),
});
const PatchedPort = Type.Object(PortFields);

const PortQuery = Type.Object({
  address: Type.Optional(Type.String()),
  node: Type.Optional(Type.String()),
  node_uuid: Type.Optional(Type.String()),
  portgroup: Type.Optional(Type.String()),
  detail: Type.Optional(Type.Boolean()),
  fields: Type.Optional(Type.String()),
  sort_key: Type.Optional(Type.String()),
  sort_dir: Type.Optional(Type.Union([Type.Literal('asc'), Type.Literal('desc')])),
  limit: Type.Optional(Type.Integer({ minimum: 0 })),
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
    refuseFixedFields(request.body);
    const port = await engine.createNodePort(await readPort(context, request.body));
    reply.code(201).header('location', portLinks(context.baseUrl(request), port)[0]?.href);
    return portJson(context, request, port, {});
  });

  app.patch('/ports/:port', { schema: { params: PortParams, body: JsonPatch } }, async (request) => {
    const port = await findPort(context, request.params.port);
    const changed = await engine.updateNodePort(port.uuid, readPatch(port, request.body));
    return portJson(context, request, changed, {});
  });

  app.delete('/ports/:port', { schema: { params: PortParams } }, async (request, reply) => {
    await engine.deleteNodePort((await findPort(context, request.params.port)).uuid);
    reply.code(204).send();
  });
}

async function findPort({ store }: ApiContext, uuid: string): Promise<NodePort> {
  const port = await store.node_ports.find({ uuid });
  if (!port) throw new Fault('notFound', { what: 'Port', id: uuid });
  return port;
}

async function readPort(context: ApiContext, body: Static<typeof PortRequest>): Promise<NewNodePort> {
  const { address, pxe_enabled, local_link_connection, extra, uuid } = body;
  const node = await findNode(context, body.node_uuid).catch((error: unknown) => {
    // The missing node stands in the body, not in the path.
    throw asFault(error).code === 'notFound' ? new Fault('badRequest', { detail: asFault(error).message }) : error;
  });
  return {
    node_uuid: node.uuid,
    address: macOf(address),
    ...(uuid && { uuid: uuid.toLowerCase() }),
    ...(pxe_enabled !== undefined && { pxe_enabled }),
    ...(local_link_connection && { local_link_connection: local_link_connection as JsonObject }),
    ...(extra && { extra: extra as JsonObject }),
  };
}

const patchable = ['address', 'pxe_enabled', 'local_link_connection', 'extra', 'node_uuid'] as const;

function readPatch(port: NodePort, patch: JsonPatch): Partial<Omit<NewNodePort, 'uuid'>> {
  const touched = new Set(patch.map(({ path }) => path.split('/')[1] ?? ''));
  for (const name of touched) {
    if (!(patchable as readonly string[]).includes(name))
      throw new Fault('badRequest', { detail: `/${name} can not be patched.` });
  }
  const before = Object.fromEntries(patchable.map((name) => [name, port[name]])) as JsonObject;
  const after = { pxe_enabled: true, local_link_connection: {}, extra: {}, ...applyPatch(before, patch) };
  if (!Value.Check(PatchedPort, after)) {
    const [error] = Value.Errors(PatchedPort, after);
    throw new Fault('badRequest', {
      detail: `Invalid value for ${error?.instancePath.slice(1) || 'port'}: it ${error?.message}.`,
    });
  }
  const changes = Object.fromEntries([...touched].map((name) => [name, (after as Record<string, unknown>)[name]]));
  return { ...changes, ...(touched.has('address') && { address: macOf(after.address) }) };
}

/** There are no port groups, Smart NICs or physical network names. */
function refuseFixedFields(body: object): void {
  const { portgroup_uuid, is_smartnic, physical_network } = body as Record<string, unknown>;
  if (portgroup_uuid) throw new Fault('unsupported', { what: 'A port in a port group' });
  if (is_smartnic) throw new Fault('unsupported', { what: 'A Smart NIC port' });
  if (physical_network) throw new Fault('unsupported', { what: 'The physical network of a port' });
}

function macOf(address: string): string {
  return address.toLowerCase().replaceAll('-', ':');
}

type PortView = { port: NodePort; base: string };
const plain = (name: keyof NodePort & string, since = 1) => field<PortView>(name, since, ({ port }) => port[name]);

const portFields = [
  plain('uuid'),
  plain('address'),
  plain('node_uuid'),
  plain('extra'),
  field<PortView>('internal_info', 18, ({ port }) => (port.vif_port_id ? { tenant_vif_port_id: port.vif_port_id } : {})),
  plain('local_link_connection', 19),
  plain('pxe_enabled', 19),
  field<PortView>('portgroup_uuid', 24, () => null),
  field<PortView>('physical_network', 34, () => null),
  field<PortView>('is_smartnic', 53, () => false),
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

async function listReply(context: ApiContext, request: FastifyRequest, query: PortQuery): Promise<object> {
  if (query.detail && query.fields !== undefined)
    throw new Fault('badRequest', { detail: "Can't fetch a subset of fields with 'detail' set" });
  const ident = query.node ?? query.node_uuid;
  const node = ident === undefined ? undefined : await findNode(context, ident);
  const found = await context.store.node_ports.list(
    {
      ...(node && { node_uuid: node.uuid }),
      ...(query.address !== undefined && { address: macOf(query.address) }),
    },
    { orderBy: 'id' },
  );
  const all = query.portgroup === undefined ? sortRecords(found, query) : [];
  const page = pageOf(all, { limit: query.limit, marker: query.marker, idOf: ({ uuid }) => uuid, maximum: 1000 });
  const selection = { fields: query.fields, ...(!query.detail && { brief: ['uuid', 'address', 'links'] }) };
  const ports = page.items.map((port) => portJson(context, request, port, selection));
  return { ports, ...(page.next !== undefined && { next: nextUrl(context, request, page.next) }) };
}
