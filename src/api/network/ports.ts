/** Ports: a MAC and addresses on a network, for a server's NIC. */
import type { FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { siteRanges } from '#domain/reserved-addresses.ts';
import { allocatePort, readdressPort, refuseMacOfNic, releasePort } from '#engine/servers/addresses.ts';
import { isOneOf, nothing } from '#store/conditions.ts';
import { listRows } from '#store/list.ts';
import { listTables } from '#store/list-tables.ts';
import type { Store } from '#store/store.ts';
import type { Network } from '#store/tables/networks.ts';
import type { Port } from '#store/tables/ports.ts';
import type { ApiContext, ApiScope } from '../context.ts';
import { booleanField, fixedField, itemsField, type ListFields, textField } from '../http/list.ts';
import { type Body, ById, listBody, NetworkQuery, project, readNetworkQuery, standardFields } from './list-query.ts';
import { ownerOf, seeNetwork, seePort, visiblePorts } from './ownership.ts';
import { enforce, enforceAttributes } from './policies.ts';
import { refuseManyPorts } from './port-quota.ts';

const FixedIp = Type.Object(
  { subnet_id: Type.Optional(Type.String({ maxLength: 255 })), ip_address: Type.Optional(Type.String({ maxLength: 255 })) },
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
    network_id: Type.String({ maxLength: 255 }),
    project_id: Type.Optional(Type.String({ maxLength: 255 })),
    tenant_id: Type.Optional(Type.String({ maxLength: 255 })),
  },
  { additionalProperties: false },
);

export function registerPorts(app: ApiScope, context: ApiContext): void {
  app.get('/ports', { schema: { querystring: NetworkQuery } }, async (request) => {
    const { store } = context;
    const source = { collection: store.ports, table: listTables.ports, visible: visiblePorts(request.caller) };
    const page = await listRows(source, readNetworkQuery(request.query, fieldsFor(request)));
    const items = page.items.map((port) => portBody(request, port));
    return listBody(context, request, { plural: 'ports', page: { ...page, items } });
  });
  app.get('/ports/:id', { schema: { params: ById, querystring: NetworkQuery } }, async (request) => ({
    port: project(portBody(request, await seePort(context, request, request.params.id)), request.query),
  }));
  app.post('/ports', { schema: { body: Type.Object({ port: NewPort }) } }, async (request, reply) => {
    const port = await createPort(context, request, request.body.port);
    reply.code(201);
    return { port: portBody(request, port) };
  });
  app.put('/ports/:id', { schema: { params: ById, body: Type.Object({ port: Changes }) } }, async (request) => {
    const port = await seePort(context, request, request.params.id);
    return { port: portBody(request, await updatePort(context, request, { port, fields: request.body.port })) };
  });
  app.delete('/ports/:id', { schema: { params: ById } }, async (request, reply) => {
    const port = await seePort(context, request, request.params.id);
    await context.store.transaction(async (trx) => {
      await refuseBound(trx, port, 'deleted');
      await releasePort(trx, port.id);
    });
    return reply.code(204).send();
  });
}

const texts = [
  ...['id', 'name', 'network_id', 'project_id', 'device_id', 'device_owner', 'status', 'description'],
  ...['created_at', 'updated_at'],
];

const portFields: ListFields = {
  ...Object.fromEntries(texts.map((name) => [name, textField(name)])),
  ...standardFields,
  tenant_id: textField('project_id'),
  mac_address: { filter: (values) => isOneOf('mac_address', values.map(plainMac)), sort: ['mac_address'] },
  admin_state_up: booleanField('admin_state_up'),
  fixed_ips: itemsField('fixed_ips'),
  'binding:vnic_type': fixedField('baremetal'),
  port_security_enabled: fixedField(false),
  security_groups: { filter: () => nothing },
};

/** Only administrators may read a port's binding. */
const bindingFields: ListFields = {
  'binding:host_id': fixedField(''),
  'binding:vif_type': {
    filter: (types) =>
      isOneOf(
        'status',
        statuses.filter((status) => types.includes(vifTypeOf(status))),
      ),
  },
};

function fieldsFor({ caller }: FastifyRequest): ListFields {
  return caller.is_admin ? { ...portFields, ...bindingFields } : portFields;
}

const statuses = ['ACTIVE', 'DOWN'] as const;
const vifTypeOf = (status: Port['status']) => (status === 'ACTIVE' ? 'other' : 'unbound');

/** Only administrators may read a port's binding (`get_port:binding:…`). */
function bindingBody(port: Port): object {
  return {
    'binding:vif_type': vifTypeOf(port.status),
    'binding:host_id': '',
    'binding:profile': {},
    'binding:vif_details': {},
  };
}

function portBody({ caller }: FastifyRequest, port: Port): Body {
  const { owned_by_server: _, ...fields } = port;
  return {
    ...fields,
    tenant_id: port.project_id,
    'binding:vnic_type': 'baremetal',
    ...(caller.is_admin && bindingBody(port)),
    security_groups: [],
    allowed_address_pairs: [],
    extra_dhcp_opts: [],
    port_security_enabled: false,
    tags: [],
    revision_number: 1,
  };
}

async function createPort(context: ApiContext, request: FastifyRequest, fields: Static<typeof NewPort>): Promise<Port> {
  const { name, description, admin_state_up, fixed_ips, device_id, device_owner } = fields;
  const network = await seeNetwork(context, request, fields.network_id);
  enforcePortPolicies('create_port', request, { fields, network });
  const mac_address = fields.mac_address && readMac(fields.mac_address);
  const project_id = ownerOf(request, fields);
  return context.store.transaction(async (trx) => {
    if (mac_address) await refuseMacOfNic(trx, mac_address, network.id);
    const port = await allocatePort(trx, {
      network,
      project_id,
      reserved: siteRanges(context.settings),
      ...definedOf({ name, description, admin_state_up, fixed_ips, device_id, device_owner }),
      ...(mac_address && { mac_address }),
    });
    if (!request.caller.is_admin) await refuseManyPorts(trx, project_id, network);
    return port;
  });
}

type PortPolicies = { fields: Partial<Static<typeof Changes>>; network: Network };

/** `device_owner` is restricted for ports that belong to the network (`network:router_interface`, `network:dhcp`). */
function enforcePortPolicies(action: 'create_port' | 'update_port', request: FastifyRequest, policies: PortPolicies): void {
  const { device_owner, ...fields } = policies.fields;
  const isNetworkDevice = device_owner?.startsWith('network:');
  const { network } = policies;
  enforceAttributes(action, request, { fields: isNetworkDevice ? { ...fields, device_owner } : fields, network });
  if (action !== 'create_port') return;
  for (const name of ['subnet_id', 'ip_address'] as const) {
    const isNamed = fields.fixed_ips?.some((fixed) => fixed[name] !== undefined);
    if (isNamed) enforce(`create_port:fixed_ips:${name}`, request, network);
  }
}

/** MAC and addresses of a bound port are in use by a running machine. */
async function updatePort(
  context: ApiContext,
  request: FastifyRequest,
  { port: { id }, fields }: { port: Port; fields: Static<typeof Changes> },
): Promise<Port> {
  const { name, description, admin_state_up } = fields;
  return context.store.transaction(async (trx) => {
    const port = await trx.ports.find({ id });
    const network = port && (await trx.networks.find({ id: port.network_id }));
    if (!port || !network) throw new Fault('notFound', { what: 'Port', id });
    const changes = changesOf(port, fields);
    const { mac_address, fixed_ips, device_id, device_owner } = changes;
    enforcePortPolicies('update_port', request, { fields: changes, network });
    if ([mac_address, fixed_ips, device_id, device_owner].some((value) => value !== undefined))
      await refuseBound(trx, port, 'changed in that way');
    if (mac_address) await refuseMacOfNic(trx, mac_address, network.id);
    const described = definedOf({ name, description, admin_state_up, device_id, device_owner });
    const readdressed = { ...definedOf({ mac_address, fixed_ips }), reserved: siteRanges(context.settings) };
    const changed = await readdressPort(trx, port, readdressed);
    await trx.ports.update({ id }, { ...described, updated_at: changed.updated_at });
    return { ...changed, ...described };
  });
}

/** The fields that differ from the current port: clients send back what they have read. */
function changesOf(port: Port, fields: Static<typeof Changes>): Static<typeof Changes> {
  const { device_id, device_owner, fixed_ips, ...others } = fields;
  const mac_address = fields.mac_address && readMac(fields.mac_address);
  return {
    ...others,
    ...definedOf({
      mac_address: mac_address === port.mac_address ? undefined : mac_address,
      device_id: device_id === port.device_id ? undefined : device_id,
      device_owner: device_owner === port.device_owner ? undefined : device_owner,
      fixed_ips: fixed_ips && isSame(port.fixed_ips, fixed_ips) ? undefined : fixed_ips,
    }),
  };
}

function isSame(has: Port['fixed_ips'], wanted: readonly Static<typeof FixedIp>[]): boolean {
  if (has.length !== wanted.length) return false;
  return has.every(({ subnet_id, ip_address }, index) => {
    const other = wanted[index];
    return other?.ip_address === ip_address && (other.subnet_id ?? subnet_id) === subnet_id;
  });
}

async function refuseBound(store: Store, port: Port, action: string): Promise<void> {
  const nic = await store.node_ports.find({ vif_port_id: port.id });
  if (!nic) return;
  throw new Fault('conflict', { detail: `Port ${port.id} cannot be ${action} while server ${port.device_id} uses it.` });
}

function plainMac(text: string): string {
  return text.toLowerCase().replaceAll('-', ':');
}

/** Neither a multicast address nor the zero address. */
function readMac(text: string): string {
  const mac = plainMac(text);
  const isMulticast = Number.parseInt(mac.slice(0, 2), 16) % 2 === 1;
  if (isMulticast || mac === '00:00:00:00:00:00')
    throw new Fault('invalidInput', { detail: `'${text}' is not a valid MAC address of an interface` });
  return mac;
}

/** Omits undefined fields, so that they do not overwrite others. */
function definedOf<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
