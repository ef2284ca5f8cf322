/** `/networks`: networks, which are all on the one wire of the machines. */
import { type Static, Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { createNetwork, deleteNetwork, factsOfNetworks, type NetworkFacts, updateNetwork } from '#services/network/networks.ts';
import { mostSegments } from '#services/network/segments.ts';
import { asSeenBy, visibleNetworks } from '#services/network/visibility.ts';
import { isAmong, isOneOf } from '#store/conditions.ts';
import { listTables } from '#store/list-tables.ts';
import type { Network } from '#store/tables/networks.ts';
import { booleanField, fixedField, integerField, type ListFields } from '../http/list.ts';
import { Maybe, Nullable } from '../http/schemas.ts';
import { viewOf } from '../http/view.ts';
import { sharedField, taggedFields } from './list-query.ts';
import { allows, type NetworkRule, targetIn } from './policy.ts';
import { resourceOf, resourceRoutes } from './resource.ts';
import { Description, DnsName, Name, Owner, QosPolicyId, taggedView } from './standard-attributes.ts';
import { tagRoutes } from './tag-routes.ts';

/** The openstack client sends it as text. */
const Mtu = Type.Union([Type.Integer(), Type.String({ pattern: '^[0-9]{1,5}$' })]);

const Segment = Type.Object(
  {
    'provider:network_type': Maybe(Type.String({ maxLength: 255 })),
    'provider:physical_network': Maybe(Type.String({ maxLength: 64 })),
    'provider:segmentation_id': Maybe(Type.Integer({ minimum: 0, maximum: 2 ** 32 - 1 })),
  },
  { additionalProperties: false },
);

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
    qos_policy_id: QosPolicyId,
    dns_domain: DnsName,
    ...Segment.properties,
  },
  { additionalProperties: false },
);
const NewNetwork = Type.Object(
  {
    ...Changes.properties,
    ...Owner,
    availability_zone_hints: Type.Optional(Type.Array(Type.String({ maxLength: 255 }), { maxItems: 10 })),
    segments: Type.Optional(Type.Array(Segment, { maxItems: mostSegments })),
  },
  { additionalProperties: false },
);
/** Anyone may create a network that is not shared. */
const defaults = { shared: false, 'router:external': false, is_default: false };

type Item = NetworkFacts & { readonly network: Network };
const nothing: NetworkFacts = { subnets: [], scopes: {}, segments: [], isAdjacent: true, availability_zones: [] };
/** Of several segments, each has them. */
const hasOne = ({ segments }: Item) => segments.length < 2;

const Text = Type.String();
const networkView = viewOf<Item, NetworkRule>()({
  ...taggedView(({ network }: Item) => network),
  admin_state_up: { type: Type.Boolean(), value: ({ network }) => network.admin_state_up },
  shared: { type: Type.Boolean(), value: ({ network }) => network.shared },
  mtu: { type: Type.Integer(), value: ({ network }) => network.mtu },
  status: { type: Text, value: () => 'ACTIVE' },
  subnets: { type: Type.Array(Text), value: ({ subnets }) => [...subnets] },
  'router:external': { type: Type.Boolean(), value: ({ network }) => network.external },
  port_security_enabled: { type: Type.Boolean(), value: ({ network }) => network.port_security_enabled },
  qos_policy_id: { type: Nullable(Text), value: ({ network }) => network.qos_policy_id },
  is_default: { type: Type.Boolean(), value: () => false },
  dns_domain: { type: Text, value: ({ network }) => network.dns_domain },
  availability_zones: { type: Type.Array(Text), value: ({ availability_zones }) => [...availability_zones] },
  availability_zone_hints: { type: Type.Array(Text), value: ({ network }) => network.availability_zone_hints },
  ipv4_address_scope: { type: Nullable(Text), value: ({ scopes }) => scopes[4] ?? null },
  ipv6_address_scope: { type: Nullable(Text), value: ({ scopes }) => scopes[6] ?? null },
  l2_adjacency: { type: Type.Boolean(), value: ({ isAdjacent }) => isAdjacent },
  'provider:network_type': {
    type: Nullable(Text),
    policy: 'get_network:provider:network_type',
    when: hasOne,
    value: ({ segments: [segment] }) => segment?.network_type ?? null,
  },
  'provider:physical_network': {
    type: Nullable(Text),
    policy: 'get_network:provider:physical_network',
    when: hasOne,
    value: ({ segments: [segment] }) => segment?.physical_network ?? null,
  },
  'provider:segmentation_id': {
    type: Nullable(Type.Integer()),
    policy: 'get_network:provider:segmentation_id',
    when: hasOne,
    value: ({ segments: [segment] }) => segment?.segmentation_id ?? null,
  },
  segments: {
    type: Type.Array(
      Type.Object({
        'provider:network_type': Text,
        'provider:physical_network': Nullable(Text),
        'provider:segmentation_id': Nullable(Type.Integer()),
      }),
    ),
    policy: 'get_network:segments',
    when: (item) => !hasOne(item),
    value: ({ segments }) =>
      segments.map((segment) => ({
        'provider:network_type': segment.network_type,
        'provider:physical_network': segment.physical_network,
        'provider:segmentation_id': segment.segmentation_id,
      })),
  },
});

const networkFields: ListFields = {
  ...taggedFields,
  admin_state_up: booleanField('admin_state_up'),
  shared: booleanField('shared'),
  'router:external': booleanField('external'),
  mtu: integerField('mtu'),
  status: fixedField('ACTIVE'),
  port_security_enabled: booleanField('port_security_enabled'),
  is_default: fixedField(false),
  subnets: { filter: (values) => isAmong('id', { table: 'subnets', select: 'network_id', where: [isOneOf('id', values)] }) },
};

const numbersIn = (values: readonly string[]) => values.filter((value) => /^\d{1,10}$/.test(value)).map(Number);

/** Filters for those who may see the field. */
const providerFields: ListFields = Object.fromEntries(
  (['network_type', 'physical_network', 'segmentation_id'] as const).map((name) => [
    `provider:${name}`,
    {
      filter: (values: readonly string[]) => {
        const where = [isOneOf(name, name === 'segmentation_id' ? numbersIn(values) : values)];
        return isAmong('id', { table: 'network_segments', select: 'network_id', where });
      },
    },
  ]),
);
const allFields = { ...networkFields, ...providerFields };

/** Under the names of the service. */
function segmentIn(fields: Static<typeof Segment>) {
  const {
    'provider:network_type': network_type,
    'provider:physical_network': physical_network,
    'provider:segmentation_id': segmentation_id,
  } = fields;
  return { network_type, physical_network, segmentation_id };
}

function requestOf({ segments, ...fields }: Fields) {
  return { ...fields, external: fields['router:external'], ...segmentIn(fields), segments: segments?.map(segmentIn) };
}

type Fields = Partial<Static<typeof NewNetwork>>;

export const networks = resourceOf<Network, Fields, Fields>()({
  noun: 'network',
  plural: 'networks',
  path: 'networks',
  title: 'a network',
  collection: (store) => store.networks,
  table: listTables.networks,
  visible: visibleNetworks,
  missing: (id) => new Fault('notFound', { what: 'Network', id }),
  fields: allFields,
  fieldsFor: (request) => ({
    ...(allows(request, 'get_network:provider:network_type') ? allFields : networkFields),
    shared: { ...networkFields['shared'], ...sharedField('network', request.caller.project_id) },
  }),
  view: networkView,
  async items({ request, context }, rows) {
    const facts = await factsOfNetworks(context, rows);
    const seen = await asSeenBy(context.store, request.caller, rows);
    return seen.map((network) => ({ network, ...(facts.get(network.id) ?? nothing) }));
  },
  async targets({ request, context }, rows) {
    const seen = await asSeenBy(context.store, request.caller, rows);
    return seen.map((network) => targetIn(network, network));
  },
  create: {
    body: NewNetwork,
    defaults,
    target: ({ request }, fields) => targetIn(undefined, { ...fields, project_id: request.caller.project_id }),
    run: ({ request, context }, fields) => createNetwork(context, request.caller, requestOf(fields)),
  },
  update: {
    body: Changes,
    run: ({ request, context }, network, fields) => updateNetwork(context, request.caller, network, requestOf(fields)),
  },
  remove: ({ context }, network) => deleteNetwork(context, network),
});

export const networkRoutes = [...resourceRoutes(networks), ...tagRoutes(networks)];
