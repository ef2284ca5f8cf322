/** Ports: a MAC and addresses on a network, for a server's NIC. */
import type { FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import type { Network, Port } from '#domain/records.ts';
import { allocatePort, readdressPort, releasePort } from '#engine/addresses.ts';
import { listPorts, type PortColumn, type PortListRequest, portColumn } from '#store/port-list.ts';
import { owns } from '../authentication.ts';
import type { ApiContext, ApiScope } from '../context.ts';
import { type PageSource, readPage } from '../pagination.ts';
import {
  type Body,
  ById,
  filtersOf,
  first,
  ListQuery,
  limitOf,
  listReply,
  pageReply,
  project,
  type Query,
  sortKeysOf,
} from './lists.ts';
import { ownerOf, seeNetwork, seePort } from './ownership.ts';

const FixedIp = Type.Object(
  { subnet_id: Type.Optional(Type.String()), ip_address: Type.Optional(Type.String()) },
  { additionalProperties: false },
);
const none = Type.Optional(Type.Array(Type.Unknown(), { maxItems: 0 }));
const Changes = Type.Object(
  {
    name: Type.Optional(Type.String({ maxLength: 255 })),
    description: Type.Optional(Type.String({ maxLength: 255 })),
    admin_state_up: Type.Optional(Type.Boolean()),
    fixed_ips: Type.Optional(Type.Array(FixedIp, { maxItems: 16 })),
    mac_address: Type.Optional(Type.String({ pattern: '^[0-9a-fA-F]{2}([:-][0-9a-fA-F]{2}){5}$' })),
    device_id: Type.Optional(Type.String({ maxLength: 255 })),
    device_owner: Type.Optional(Type.String({ maxLength: 255 })),
    'binding:vnic_type': Type.Optional(Type.Union([Type.Literal('baremetal'), Type.Literal('normal')])),
    port_security_enabled: Type.Optional(Type.Literal(false)),
    security_groups: none,
    allowed_address_pairs: none,
    extra_dhcp_opts: none,
  },
  { additionalProperties: false },
);
const NewPort = Type.Object(
  {
    ...Changes.properties,
    network_id: Type.String(),
    project_id: Type.Optional(Type.String()),
    tenant_id: Type.Optional(Type.String()),
  },
  { additionalProperties: false },
);

export function registerPorts(app: ApiScope, context: ApiContext): void {
  app.get('/ports', { schema: { querystring: ListQuery } }, async (request) => {
    const { store } = context;
    const query = request.query as Query;
    const wanted = readPortQuery(query);
    if (!wanted) {
      const visible = (await store.ports.list({}, { orderBy: 'created_at' })).filter((port) => owns(request.caller, port));
      return listReply(context, request, { plural: 'ports', all: visible.map(portBody) });
    }
    const project_id = request.caller.is_admin ? undefined : request.caller.project_id;
    const source: PageSource<Port, Port> = {
      find: (id) => store.ports.find({ id, ...(project_id !== undefined && { project_id }) }),
      list: (page) => listPorts(store, { ...wanted, project_id }, page),
    };
    const page = await readPage(source, { limit: limitOf(query), marker: first(query['marker']), idOf: ({ id }) => id });
    return pageReply(context, request, { plural: 'ports', page: { ...page, items: page.items.map(portBody) } });
  });
  app.get('/ports/:id', { schema: { params: ById, querystring: ListQuery } }, async (request) => ({
    port: project(portBody(await seePort(context, request, request.params.id)), request.query),
  }));
  app.post('/ports', { schema: { body: Type.Object({ port: NewPort }) } }, async (request, reply) => {
    const port = await createPort(context, request, request.body.port);
    reply.code(201);
    return { port: portBody(port) };
  });
  app.put('/ports/:id', { schema: { params: ById, body: Type.Object({ port: Changes }) } }, async (request) => {
    const port = await seePort(context, request, request.params.id);
    return { port: portBody(await updatePort(context, request, { port, fields: request.body.port })) };
  });
  app.delete('/ports/:id', { schema: { params: ById } }, async (request, reply) => {
    const port = await seePort(context, request, request.params.id);
    await refuseBound(context, port, 'deleted');
    await releasePort(context.store, port.id);
    return reply.code(204).send();
  });
}

/** The database takes no expression that is nested deeper than a thousand. */
const fixedIpsMax = 100;

/** undefined where something is asked for that is no column: then the whole list has to be looked through. */
function readPortQuery(query: Query): PortListRequest | undefined {
  const filters: { column: PortColumn; values: string[] }[] = [];
  let fixedIps: { name: string; value: string }[] | undefined;
  for (const [name, values] of filtersOf(query)) {
    const column = portColumn(name);
    if (column) filters.push({ column, values });
    else if (name === 'fixed_ips' && values.length <= fixedIpsMax) fixedIps = values.map(readFixedIp);
    else return undefined;
  }
  const keys = sortKeysOf(query).map(({ key, descending }) => ({ column: portColumn(key), descending }));
  if (!keys.every((key): key is { column: PortColumn; descending: boolean } => key.column !== undefined)) return undefined;
  return { filters, fixedIps, order: [...keys, { column: 'created_at' }, { column: 'id' }] };
}

function readFixedIp(text: string): { name: string; value: string } {
  const [name = '', ...value] = text.split('=');
  return { name, value: value.join('=') };
}

function portBody(port: Port): Body {
  const { owned_by_server: _, ...fields } = port;
  return {
    ...fields,
    tenant_id: port.project_id,
    'binding:vnic_type': 'baremetal',
    'binding:vif_type': port.status === 'ACTIVE' ? 'other' : 'unbound',
    'binding:host_id': '',
    'binding:profile': {},
    'binding:vif_details': {},
    security_groups: [],
    allowed_address_pairs: [],
    extra_dhcp_opts: [],
    port_security_enabled: false,
    tags: [],
    revision_number: 1,
  };
}

async function createPort(context: ApiContext, request: FastifyRequest, fields: Static<typeof NewPort>): Promise<Port> {
  const { name, description, admin_state_up, fixed_ips, device_id, device_owner, mac_address } = fields;
  const network = await seeNetwork(context, request, fields.network_id);
  if (mac_address) refuseForeignMac(request, network);
  return allocatePort(context.store, {
    network,
    project_id: ownerOf(request, fields),
    ...definedOf({ name, description, admin_state_up, fixed_ips, device_id, device_owner }),
    ...(mac_address && { mac_address: canonicalMac(mac_address) }),
  });
}

/** MAC and addresses of a bound port are those of a machine that is running with them. */
async function updatePort(
  context: ApiContext,
  request: FastifyRequest,
  { port, fields }: { port: Port; fields: Static<typeof Changes> },
): Promise<Port> {
  const { name, description, admin_state_up, fixed_ips, device_id, device_owner } = fields;
  const mac_address = fields.mac_address && canonicalMac(fields.mac_address);
  const isRebound = device_id !== undefined && device_id !== port.device_id;
  const isReaddressed = fixed_ips !== undefined || (mac_address !== undefined && mac_address !== port.mac_address);
  if (isRebound || isReaddressed) await refuseBound(context, port, 'changed in that way');
  if (mac_address !== undefined && mac_address !== port.mac_address)
    refuseForeignMac(request, await seeNetwork(context, request, port.network_id));
  const described = definedOf({ name, description, admin_state_up, device_id, device_owner });
  const changed = await readdressPort(context.store, port, definedOf({ mac_address, fixed_ips }));
  await context.store.ports.update({ id: port.id }, { ...described, updated_at: changed.updated_at });
  return { ...changed, ...described };
}

/** On a shared network a guest could take the MAC of a machine, and no server could be made on that one any more. */
function refuseForeignMac({ caller }: FastifyRequest, network: Network): void {
  if (!owns(caller, network))
    throw new Fault('forbidden', { detail: 'Only the owner of a network may choose the MAC address of a port.' });
}

async function refuseBound(context: ApiContext, port: Port, action: string): Promise<void> {
  const nic = await context.store.node_ports.find({ vif_port_id: port.id });
  if (!nic) return;
  throw new Fault('conflict', { detail: `Port ${port.id} cannot be ${action} while server ${port.device_id} uses it.` });
}

function canonicalMac(text: string): string {
  return text.toLowerCase().replaceAll('-', ':');
}

/** Without the fields that were not given, so that they do not overwrite others. */
function definedOf<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
