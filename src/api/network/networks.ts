/** Networks. Ingot does not configure switches yet, so all are the one flat network that the machines are wired to. */
import type { FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import type { JsonObject } from '#domain/json.ts';
import { createNetwork, deleteNetwork, subnetIdsByNetwork, updateNetwork } from '#services/network/networks.ts';
import { findNetwork, visibleNetworks } from '#services/network/visibility.ts';
import { hasMember, isAmong, isOneOf } from '#store/conditions.ts';
import { listRows } from '#store/list.ts';
import { listTables } from '#store/list-tables.ts';
import type { Network } from '#store/tables/networks.ts';
import type { ApiContext, ApiScope } from '../context.ts';
import { booleanField, fixedField, integerField, type ListFields, textField } from '../http/list.ts';
import { type Body, ById, listBody, NetworkQuery, project, readNetworkQuery, standardFields } from './list-query.ts';
import { checkOwner, enforceAttributes } from './policies.ts';

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
    network: project(await show(context, request, await findNetwork(context, request.caller, request.params.id)), request.query),
  }));
  app.post('/networks', { schema: { body: Type.Object({ network: NewNetwork }) } }, async (request, reply) => {
    const fields = request.body.network;
    enforceAttributes('create_network', request, { fields });
    const network = await createNetwork(context, request.caller, requestOf(fields));
    reply.code(201);
    return { network: networkBody(request, network, []) };
  });
  app.put('/networks/:id', { schema: { params: ById, body: Type.Object({ network: Changes }) } }, async (request) => {
    const network = await findNetwork(context, request.caller, request.params.id);
    checkOwner(request, network);
    const fields = request.body.network;
    enforceAttributes('update_network', request, { fields, network });
    return { network: await show(context, request, await updateNetwork(context, network, requestOf(fields))) };
  });
  app.delete('/networks/:id', { schema: { params: ById } }, async (request, reply) => {
    const network = await findNetwork(context, request.caller, request.params.id);
    checkOwner(request, network);
    await deleteNetwork(context, network);
    return reply.code(204).send();
  });
}

function requestOf(fields: Partial<NewNetwork>) {
  const {
    'router:external': external,
    'provider:network_type': network_type,
    'provider:physical_network': physical_network,
  } = fields;
  return { ...fields, external, network_type, physical_network };
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

async function show(context: ApiContext, request: FastifyRequest, network: Network): Promise<Body> {
  const subnetIds = await subnetIdsByNetwork(context, [network]);
  return networkBody(request, network, subnetIds.get(network.id) ?? []);
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
