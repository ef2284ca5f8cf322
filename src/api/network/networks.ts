/** `/networks`: networks, which are all the one flat network that the machines are wired to. */
import { type Static, Type } from 'typebox';
import { createNetwork, deleteNetwork, subnetIdsByNetwork, updateNetwork } from '#services/network/networks.ts';
import { findNetwork, visibleNetworks } from '#services/network/visibility.ts';
import { hasMember, isAmong, isOneOf } from '#store/conditions.ts';
import { listRows } from '#store/list.ts';
import { listTables } from '#store/list-tables.ts';
import type { Network } from '#store/tables/networks.ts';
import type { ApiContext } from '../context.ts';
import { booleanField, fixedField, integerField, type ListFields, textFields } from '../http/list.ts';
import { Links, Nullable } from '../http/schemas.ts';
import { viewOf } from '../http/view.ts';
import { fieldsQuery, listBody, listQuery, project, readNetworkQuery, standardFields } from './list-query.ts';
import { allows, authorize, authorizeAttributes, type NetworkRule, refuseHidden, route, targetIn } from './policy.ts';
import { Description, Name, Owner, standardView } from './standard-attributes.ts';

/** The openstack client sends it as text. */
const Mtu = Type.Union([Type.Integer(), Type.String({ pattern: '^[0-9]{1,5}$' })]);

const Changes = Type.Object(
  {
    name: Type.Optional(Name),
    admin_state_up: Type.Optional(Type.Boolean()),
    shared: Type.Optional(Type.Boolean()),
    'router:external': Type.Optional(Type.Boolean()),
    mtu: Type.Optional(Mtu),
    description: Type.Optional(Description),
    is_default: Type.Optional(Type.Literal(false)),
    port_security_enabled: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
);
const NewNetwork = Type.Object(
  {
    ...Changes.properties,
    ...Owner,
    'provider:network_type': Type.Optional(Type.String({ maxLength: 255 })),
    'provider:physical_network': Type.Optional(Type.String({ maxLength: 64 })),
    'provider:segmentation_id': Type.Optional(Type.Null()),
    availability_zone_hints: Type.Optional(Type.Array(Type.String({ maxLength: 255 }), { maxItems: 0 })),
  },
  { additionalProperties: false },
);
/** Anyone may create a network that is not shared. */
const defaults = { shared: false, 'router:external': false, is_default: false };

type Item = { readonly network: Network; readonly subnets: readonly string[] };

const Text = Type.String();
const networkView = viewOf<Item, NetworkRule>()({
  ...standardView(({ network }: Item) => network),
  admin_state_up: { type: Type.Boolean(), value: ({ network }) => network.admin_state_up },
  shared: { type: Type.Boolean(), value: ({ network }) => network.shared },
  mtu: { type: Type.Integer(), value: ({ network }) => network.mtu },
  status: { type: Text, value: () => 'ACTIVE' },
  subnets: { type: Type.Array(Text), value: ({ subnets }) => [...subnets] },
  'router:external': { type: Type.Boolean(), value: ({ network }) => network.external },
  port_security_enabled: { type: Type.Boolean(), value: ({ network }) => network.port_security_enabled },
  is_default: { type: Type.Boolean(), value: () => false },
  availability_zones: { type: Type.Array(Text), value: () => [] },
  availability_zone_hints: { type: Type.Array(Text), value: () => [] },
  ipv4_address_scope: { type: Nullable(Text), value: () => null },
  ipv6_address_scope: { type: Nullable(Text), value: () => null },
  'provider:network_type': {
    type: Text,
    policy: 'get_network:provider:network_type',
    value: ({ network }) => String(network.provider['network_type'] ?? 'flat'),
  },
  'provider:physical_network': {
    type: Nullable(Text),
    policy: 'get_network:provider:physical_network',
    value: ({ network: { provider } }) => textOrNull(provider['physical_network']),
  },
  'provider:segmentation_id': {
    type: Nullable(Type.Integer()),
    policy: 'get_network:provider:segmentation_id',
    value: () => null,
  },
});

function textOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

const networkFields: ListFields = {
  ...standardFields,
  ...textFields('id', 'name', 'project_id', 'description', 'created_at', 'updated_at'),
  admin_state_up: booleanField('admin_state_up'),
  shared: booleanField('shared'),
  'router:external': booleanField('external'),
  mtu: integerField('mtu'),
  status: fixedField('ACTIVE'),
  port_security_enabled: booleanField('port_security_enabled'),
  is_default: fixedField(false),
  subnets: { filter: (values) => isAmong('id', { table: 'subnets', select: 'network_id', where: [isOneOf('id', values)] }) },
};

/** Filters for those who may see the field. */
const providerFields: ListFields = Object.fromEntries(
  (['network_type', 'physical_network', 'segmentation_id'] as const).map((name) => [
    `provider:${name}`,
    { filter: (values: readonly string[]) => hasMember('provider', name, values) },
  ]),
);
const allFields = { ...networkFields, ...providerFields };

async function itemOf(context: ApiContext, network: Network): Promise<Item> {
  return { network, subnets: (await subnetIdsByNetwork(context, [network])).get(network.id) ?? [] };
}

/** Under the names of the service. */
function requestOf(fields: Partial<Static<typeof NewNetwork>>) {
  const {
    'router:external': external,
    'provider:network_type': network_type,
    'provider:physical_network': physical_network,
  } = fields;
  return { ...fields, external, network_type, physical_network };
}

const NetworkReply = Type.Object({ network: networkView.schema });

export const networkRoutes = [
  route({
    method: 'GET',
    path: '/networks',
    policy: 'get_network',
    summary: 'List networks',
    query: listQuery(allFields),
    reply: Type.Object({ networks: Type.Array(networkView.schema), networks_links: Type.Optional(Links) }),
    async handler(request, context) {
      const { store } = context;
      const source = { collection: store.networks, table: listTables.networks, visible: visibleNetworks(request.caller) };
      const fields = allows(request, 'get_network:provider:network_type') ? allFields : networkFields;
      const page = await listRows(source, readNetworkQuery(request.query, fields));
      const subnets = await subnetIdsByNetwork(context, page.items);
      const show = networkView.of(request, context);
      const shown = page.items.filter((network) => allows(request, 'get_network', targetIn(network, network)));
      const items = shown.map((network) => show({ network, subnets: subnets.get(network.id) ?? [] }));
      return listBody({ request, context }, 'networks', { ...page, items });
    },
  }),
  route({
    method: 'GET',
    path: '/networks/:id',
    policy: 'get_network',
    summary: 'Show a network',
    query: fieldsQuery,
    reply: NetworkReply,
    async handler(request, context) {
      const network = await findNetwork(context, request.caller, request.params.id);
      refuseHidden(request, 'get_network', { what: 'Network', id: network.id, target: targetIn(network, network) });
      return { network: project(networkView.of(request, context)(await itemOf(context, network)), request.query) };
    },
  }),
  route({
    method: 'POST',
    path: '/networks',
    policy: 'create_network',
    summary: 'Create a network',
    status: 201,
    body: Type.Object({ network: NewNetwork }),
    reply: NetworkReply,
    async handler(request, context) {
      const { network: fields } = request.body;
      const target = targetIn(undefined, { ...fields, project_id: request.caller.project_id });
      authorizeAttributes(request, 'create_network', { fields, target, defaults });
      const network = await createNetwork(context, request.caller, requestOf(fields));
      return { network: networkView.of(request, context)({ network, subnets: [] }) };
    },
  }),
  route({
    method: 'PUT',
    path: '/networks/:id',
    policy: 'update_network',
    summary: 'Change a network',
    body: Type.Object({ network: Changes }),
    reply: NetworkReply,
    async handler(request, context) {
      const network = await findNetwork(context, request.caller, request.params.id);
      const target = targetIn(network, network);
      authorize(request, 'update_network', target);
      authorizeAttributes(request, 'update_network', { fields: request.body.network, target });
      const changed = await updateNetwork(context, network, requestOf(request.body.network));
      return { network: networkView.of(request, context)(await itemOf(context, changed)) };
    },
  }),
  route({
    method: 'DELETE',
    path: '/networks/:id',
    policy: 'delete_network',
    summary: 'Delete a network',
    status: 204,
    async handler(request, context) {
      const network = await findNetwork(context, request.caller, request.params.id);
      authorize(request, 'delete_network', targetIn(network, network));
      await deleteNetwork(context, network);
    },
  }),
];
