/** `/subnets`: the addresses of networks. */
import { type Static, Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { createSubnet, deleteSubnet, updateSubnet } from '#services/network/subnets.ts';
import { findNetwork, visibleSubnets } from '#services/network/visibility.ts';
import { hasItem, isAmong } from '#store/conditions.ts';
import { listTables } from '#store/list-tables.ts';
import type { Subnet } from '#store/tables/subnets.ts';
import {
  booleanCondition,
  booleanField,
  fixedField,
  integerField,
  itemsField,
  type ListFields,
  nullableField,
  textFields,
} from '../http/list.ts';
import { Maybe, Nullable } from '../http/schemas.ts';
import { viewOf } from '../http/view.ts';
import { taggedFields } from './list-query.ts';
import { type NetworkRule, targetIn } from './policy.ts';
import { networksOfAll, resourceOf, resourceRoutes } from './resource.ts';
import { Description, Name, Owner, PrefixLength, taggedView } from './standard-attributes.ts';
import { tagRoutes } from './tag-routes.ts';

const maxItems = 64;
const Address = Type.String({ maxLength: 255 });
const Pool = Type.Object({ start: Address, end: Address });
const Route = Type.Object({ destination: Address, nexthop: Address });
const Changes = Type.Object(
  {
    name: Type.Optional(Name),
    description: Type.Optional(Description),
    gateway_ip: Type.Optional(Nullable(Address)),
    enable_dhcp: Type.Optional(Type.Boolean()),
    dns_nameservers: Type.Optional(Type.Array(Address, { maxItems })),
    allocation_pools: Type.Optional(Type.Array(Pool, { maxItems })),
    host_routes: Type.Optional(Type.Array(Route, { maxItems })),
    service_types: Type.Optional(Type.Array(Type.String({ maxLength: 255 }), { maxItems: 32 })),
    dns_publish_fixed_ip: Type.Optional(Type.Literal(false)),
    segment_id: Maybe(Type.String({ maxLength: 36 })),
  },
  { additionalProperties: false },
);
const Ipv6Mode = Type.Union([
  Type.Null(),
  ...(['slaac', 'dhcpv6-stateful', 'dhcpv6-stateless'] as const).map((mode) => Type.Literal(mode)),
]);
const NewSubnet = Type.Object(
  {
    ...Changes.properties,
    ...Owner,
    network_id: Type.String({ maxLength: 255 }),
    cidr: Type.Optional(Nullable(Address)),
    prefixlen: Type.Optional(PrefixLength),
    ip_version: Type.Union([Type.Literal(4), Type.Literal(6)]),
    subnetpool_id: Type.Optional(Nullable(Type.String({ maxLength: 36 }))),
    use_default_subnetpool: Type.Optional(Type.Boolean()),
    ipv6_address_mode: Type.Optional(Ipv6Mode),
    ipv6_ra_mode: Type.Optional(Ipv6Mode),
  },
  { additionalProperties: false },
);

const Text = Type.String();
const subnetView = viewOf<Subnet, NetworkRule>()({
  ...taggedView((subnet: Subnet) => subnet),
  network_id: { type: Text, value: ({ network_id }) => network_id },
  ip_version: { type: Type.Integer(), value: ({ ip_version }) => ip_version },
  cidr: { type: Text, value: ({ cidr }) => cidr },
  gateway_ip: { type: Nullable(Text), value: ({ gateway_ip }) => gateway_ip },
  enable_dhcp: { type: Type.Boolean(), value: ({ enable_dhcp }) => enable_dhcp },
  dns_nameservers: { type: Type.Array(Text), value: ({ dns_nameservers }) => dns_nameservers },
  allocation_pools: { type: Type.Array(Pool), value: ({ allocation_pools }) => allocation_pools },
  host_routes: { type: Type.Array(Route), value: ({ host_routes }) => host_routes },
  subnetpool_id: { type: Nullable(Text), value: ({ subnetpool_id }) => subnetpool_id },
  ipv6_address_mode: { type: Nullable(Text), value: ({ ipv6_address_mode }) => ipv6_address_mode },
  ipv6_ra_mode: { type: Nullable(Text), value: ({ ipv6_ra_mode }) => ipv6_ra_mode },
  segment_id: { type: Nullable(Text), policy: 'get_subnet:segment_id', value: ({ segment_id }) => segment_id },
  service_types: { type: Type.Array(Text), value: ({ service_types }) => service_types },
  dns_publish_fixed_ip: { type: Type.Boolean(), value: () => false },
});

const subnetFields: ListFields = {
  ...taggedFields,
  ...textFields('network_id', 'cidr'),
  ip_version: integerField('ip_version'),
  gateway_ip: nullableField('gateway_ip'),
  enable_dhcp: booleanField('enable_dhcp'),
  dns_nameservers: { filter: (values) => hasItem('dns_nameservers', values) },
  allocation_pools: itemsField('allocation_pools'),
  host_routes: itemsField('host_routes'),
  /** Of its network. */
  shared: {
    filter: (values) => isAmong('network_id', { table: 'networks', select: 'id', where: [booleanCondition('shared', values)] }),
  },
  subnetpool_id: nullableField('subnetpool_id'),
  ipv6_address_mode: nullableField('ipv6_address_mode'),
  ipv6_ra_mode: nullableField('ipv6_ra_mode'),
  segment_id: nullableField('segment_id'),
  dns_publish_fixed_ip: fixedField(false),
  service_types: { filter: (values) => hasItem('service_types', values) },
};

export const subnets = resourceOf<Subnet, Static<typeof NewSubnet>, Static<typeof Changes>>()({
  noun: 'subnet',
  plural: 'subnets',
  path: 'subnets',
  title: 'a subnet',
  collection: (store) => store.subnets,
  table: listTables.subnets,
  visible: visibleSubnets,
  missing: (id) => new Fault('notFound', { what: 'Subnet', id }),
  fields: subnetFields,
  view: subnetView,
  items: async (_, rows) => rows,
  async targets(call, rows) {
    const networks = await networksOfAll(call, rows);
    return rows.map((subnet) => targetIn(networks.get(subnet.network_id), subnet));
  },
  create: {
    body: NewSubnet,
    defaults: { segment_id: null },
    async target({ request, context }, fields) {
      const network = await findNetwork(context, request.caller, fields.network_id);
      return targetIn(network, { ...fields, project_id: request.caller.project_id });
    },
    async run({ request, context }, fields) {
      const network = await findNetwork(context, request.caller, fields.network_id);
      return createSubnet(context, request.caller, { network, request: fields });
    },
  },
  update: {
    body: Changes,
    run: ({ context }, { id }, fields) => updateSubnet(context, id, fields),
  },
  remove: ({ context }, subnet) => deleteSubnet(context, subnet),
});

export const subnetRoutes = [...resourceRoutes(subnets), ...tagRoutes(subnets)];
