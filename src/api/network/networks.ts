/** Networks. Ingot does not configure switches yet, so all are the one flat network that the machines are wired to. */
import { randomUUID } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import type { JsonObject } from '#domain/json.ts';
import { hasMember, isAmong, isOneOf } from '#store/conditions.ts';
import { listRows } from '#store/list.ts';
import { listTables } from '#store/list-tables.ts';
import type { Network } from '#store/tables/networks.ts';
import type { ApiContext, ApiScope } from '../context.ts';
import { booleanField, fixedField, integerField, type ListFields, textField } from '../http/list.ts';
import { type Body, ById, listBody, NetworkQuery, project, readNetworkQuery, standardFields } from './list-query.ts';
import { checkOwner, ownerOf, refuseMore, seeNetwork, visibleNetworks } from './ownership.ts';
import { enforceAttributes } from './policies.ts';

const defaultMtu = 1500;
/** The minimum of IPv4 (RFC 791). */
const minMtu = 68;
const maxMtu = 65535;

/** The openstack client sends it as text. */
const Mtu = Type.Union([Type.Integer(), Type.String({ pattern: '^[0-9]{1,5}$' })]);

const Changes = Type.Object(
  {
    name: Type.Optional(Type.String({ maxLength: 255 })),
    admin_state_up: Type.Optional(Type.Boolean()),
    shared: Type.Optional(Type.Boolean()),
    'router:external': Type.Optional(Type.Boolean()),
    mtu: Type.Optional(Mtu),
    description: Type.Optional(Type.String({ maxLength: 255 })),
    is_default: Type.Optional(Type.Literal(false)),
    port_security_enabled: Type.Optional(Type.Literal(false)),
  },
  { additionalProperties: false },
);
const NewNetwork = Type.Object(
  {
    ...Changes.properties,
    project_id: Type.Optional(Type.String({ maxLength: 255 })),
    tenant_id: Type.Optional(Type.String({ maxLength: 255 })),
    'provider:network_type': Type.Optional(Type.String({ maxLength: 255 })),
    'provider:physical_network': Type.Optional(Type.String({ maxLength: 64 })),
    'provider:segmentation_id': Type.Optional(Type.Null()),
    availability_zone_hints: Type.Optional(Type.Array(Type.String({ maxLength: 255 }), { maxItems: 0 })),
  },
  { additionalProperties: false },
);
type NewNetwork = Static<typeof NewNetwork>;

export function registerNetworks(app: ApiScope, context: ApiContext): void {
  app.get('/networks', { schema: { querystring: NetworkQuery } }, async (request) => {
    const { store } = context;
    const source = { collection: store.networks, table: listTables.networks, visible: visibleNetworks(request.caller) };
    const page = await listRows(source, readNetworkQuery(request.query, fieldsFor(request)));
    const subnetIds = await subnetIdsByNetwork(context, page.items);
    const items = page.items.map((network) => networkBody(request, network, subnetIds.get(network.id) ?? []));
    return listBody(context, request, { plural: 'networks', page: { ...page, items } });
  });
  app.get('/networks/:id', { schema: { params: ById, querystring: NetworkQuery } }, async (request) => ({
    network: project(await show(context, request, await seeNetwork(context, request, request.params.id)), request.query),
  }));
  app.post('/networks', { schema: { body: Type.Object({ network: NewNetwork }) } }, async (request, reply) => {
    const network = await createNetwork(context, request, request.body.network);
    reply.code(201);
    return { network: networkBody(request, network, []) };
  });
  app.put('/networks/:id', { schema: { params: ById, body: Type.Object({ network: Changes }) } }, async (request) => {
    const network = await seeNetwork(context, request, request.params.id);
    checkOwner(request, network);
    return {
      network: await show(context, request, await updateNetwork(context, request, { network, fields: request.body.network })),
    };
  });
  app.delete('/networks/:id', { schema: { params: ById } }, async (request, reply) => {
    const network = await seeNetwork(context, request, request.params.id);
    checkOwner(request, network);
    await deleteNetwork(context, network);
    return reply.code(204).send();
  });
}

const networkFields: ListFields = {
  ...Object.fromEntries(
    ['id', 'name', 'project_id', 'description', 'created_at', 'updated_at'].map((name) => [name, textField(name)]),
  ),
  ...standardFields,
  tenant_id: textField('project_id'),
  admin_state_up: booleanField('admin_state_up'),
  shared: booleanField('shared'),
  'router:external': booleanField('external'),
  mtu: integerField('mtu'),
  status: fixedField('ACTIVE'),
  port_security_enabled: fixedField(false),
  is_default: fixedField(false),
  subnets: { filter: (values) => isAmong('id', { table: 'subnets', select: 'network_id', where: [isOneOf('id', values)] }) },
};

/** Only administrators see how a network is realized. */
const providerFields: ListFields = Object.fromEntries(
  (['network_type', 'physical_network', 'segmentation_id'] as const).map((name) => [
    `provider:${name}`,
    { filter: (values: readonly string[]) => hasMember('provider', name, values) },
  ]),
);

function fieldsFor({ caller }: FastifyRequest): ListFields {
  return caller.is_admin ? { ...networkFields, ...providerFields } : networkFields;
}

async function subnetIdsByNetwork({ store }: ApiContext, networks: readonly Network[]): Promise<Map<string, string[]>> {
  const where = { network_id: networks.map(({ id }) => id) };
  const subnets = (await store.subnets.pick(['id', 'network_id', 'created_at'], where)).sort(byAge);
  const groups = Map.groupBy(subnets, (subnet) => subnet.network_id);
  return new Map([...groups].map(([id, members]) => [id, members.map((subnet) => subnet.id)]));
}

function byAge(a: { created_at: string }, b: { created_at: string }): number {
  return a.created_at < b.created_at ? -1 : a.created_at > b.created_at ? 1 : 0;
}

async function show(context: ApiContext, request: FastifyRequest, network: Network): Promise<Body> {
  const subnets = await context.store.subnets.list({ network_id: network.id }, { orderBy: 'created_at' });
  return networkBody(
    request,
    network,
    subnets.map((subnet) => subnet.id),
  );
}

function networkBody(request: FastifyRequest, network: Network, subnets: string[]): Body {
  const { provider, external, ...fields } = network;
  return {
    ...fields,
    tenant_id: network.project_id,
    status: 'ACTIVE',
    subnets,
    'router:external': external,
    port_security_enabled: false,
    is_default: false,
    availability_zones: [],
    availability_zone_hints: [],
    ipv4_address_scope: null,
    ipv6_address_scope: null,
    tags: [],
    revision_number: 1,
    ...(request.caller.is_admin && providerBody(provider)),
  };
}

function providerBody(provider: JsonObject): object {
  return {
    'provider:network_type': provider['network_type'] ?? 'flat',
    'provider:physical_network': provider['physical_network'] ?? null,
    'provider:segmentation_id': provider['segmentation_id'] ?? null,
  };
}

async function createNetwork(context: ApiContext, request: FastifyRequest, fields: NewNetwork): Promise<Network> {
  enforceAttributes('create_network', request, { fields });
  const type = fields['provider:network_type'] ?? 'flat';
  if (type !== 'flat') throw new Fault('unsupported', { what: `Network type '${type}'` });
  const now = new Date().toISOString();
  const project_id = ownerOf(request, fields);
  refuseMore(request, 'network', await context.store.networks.pick(['id'], { project_id }));
  return context.store.networks.insert({
    id: randomUUID(),
    name: fields.name ?? '',
    project_id,
    admin_state_up: fields.admin_state_up ?? true,
    shared: fields.shared ?? false,
    external: fields['router:external'] ?? false,
    mtu: fields.mtu === undefined ? defaultMtu : readMtu(fields.mtu),
    provider: {
      network_type: type,
      physical_network: fields['provider:physical_network'] ?? 'provisioning',
      segmentation_id: null,
    },
    description: fields.description ?? '',
    created_at: now,
    updated_at: now,
  });
}

function readMtu(value: number | string): number {
  const mtu = Number(value);
  if (mtu >= minMtu && mtu <= maxMtu) return mtu;
  throw new Fault('badRequest', { detail: `Invalid input for mtu: it must be from ${minMtu} to ${maxMtu}, not ${value}.` });
}

type Change = { network: Network; fields: Static<typeof Changes> };

async function updateNetwork(context: ApiContext, request: FastifyRequest, { network, fields }: Change): Promise<Network> {
  enforceAttributes('update_network', request, { fields, network });
  if (fields.shared === false && network.shared) await refuseForeignPorts(context, network);
  const { name, admin_state_up, shared, mtu, description } = fields;
  const changed: Network = {
    ...network,
    name: name ?? network.name,
    admin_state_up: admin_state_up ?? network.admin_state_up,
    shared: shared ?? network.shared,
    external: fields['router:external'] ?? network.external,
    mtu: mtu === undefined ? network.mtu : readMtu(mtu),
    description: description ?? network.description,
    updated_at: new Date().toISOString(),
  };
  await context.store.networks.update({ id: network.id }, changed);
  return changed;
}

async function refuseForeignPorts(context: ApiContext, network: Network): Promise<void> {
  const ports = await context.store.ports.pick(['id', 'project_id'], { network_id: network.id });
  const foreign = ports.find((port) => port.project_id !== network.project_id);
  if (foreign) throw new Fault('networkInUse', { network: network.id, detail: 'another project has a port on it' });
}

/** Deletes its subnets too; a port prevents the deletion. */
async function deleteNetwork(context: ApiContext, network: Network): Promise<void> {
  await context.store.transaction(async (trx) => {
    const ports = await trx.ports.pick(['id'], { network_id: network.id });
    if (ports.length > 0)
      throw new Fault('networkInUse', { network: network.id, detail: `there are ${ports.length} ports on it` });
    await trx.subnets.remove({ network_id: network.id });
    await trx.networks.remove({ id: network.id });
  });
}
