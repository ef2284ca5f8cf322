/** `/subnets`: the addresses of networks. */
import { Type } from 'typebox';
import { createSubnet, deleteSubnet, updateSubnet } from '#services/network/subnets.ts';
import { findNetwork, findSubnet, visibleSubnets } from '#services/network/visibility.ts';
import { hasItem, isAmong, nothing } from '#store/conditions.ts';
import { listRows } from '#store/list.ts';
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
import { Links, Nullable } from '../http/schemas.ts';
import { viewOf } from '../http/view.ts';
import { fieldsQuery, listBody, listQuery, project, readNetworkQuery, standardFields } from './list-query.ts';
import { allows, authorize, authorizeAttributes, type NetworkRule, refuseHidden, route, targetIn } from './policy.ts';
import { Description, Name, Owner, standardView } from './standard-attributes.ts';

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
    service_types: Type.Optional(Type.Array(Type.String({ maxLength: 255 }), { maxItems: 0 })),
    dns_publish_fixed_ip: Type.Optional(Type.Literal(false)),
    segment_id: Type.Optional(Type.Null()),
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
    cidr: Address,
    ip_version: Type.Union([Type.Literal(4), Type.Literal(6)]),
    subnetpool_id: Type.Optional(Type.Null()),
    ipv6_address_mode: Type.Optional(Ipv6Mode),
    ipv6_ra_mode: Type.Optional(Ipv6Mode),
  },
  { additionalProperties: false },
);

const Text = Type.String();
const subnetView = viewOf<Subnet, NetworkRule>()({
  ...standardView((subnet: Subnet) => subnet),
  network_id: { type: Text, value: ({ network_id }) => network_id },
  ip_version: { type: Type.Integer(), value: ({ ip_version }) => ip_version },
  cidr: { type: Text, value: ({ cidr }) => cidr },
  gateway_ip: { type: Nullable(Text), value: ({ gateway_ip }) => gateway_ip },
  enable_dhcp: { type: Type.Boolean(), value: ({ enable_dhcp }) => enable_dhcp },
  dns_nameservers: { type: Type.Array(Text), value: ({ dns_nameservers }) => dns_nameservers },
  allocation_pools: { type: Type.Array(Pool), value: ({ allocation_pools }) => allocation_pools },
  host_routes: { type: Type.Array(Route), value: ({ host_routes }) => host_routes },
  subnetpool_id: { type: Nullable(Text), value: () => null },
  ipv6_address_mode: { type: Nullable(Text), value: () => null },
  ipv6_ra_mode: { type: Nullable(Text), value: () => null },
  segment_id: { type: Nullable(Text), value: () => null },
  service_types: { type: Type.Array(Text), value: () => [] },
  dns_publish_fixed_ip: { type: Type.Boolean(), value: () => false },
});

const subnetFields: ListFields = {
  ...standardFields,
  ...textFields('id', 'name', 'network_id', 'project_id', 'cidr', 'description', 'created_at', 'updated_at'),
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
  subnetpool_id: fixedField(null),
  ipv6_address_mode: fixedField(null),
  ipv6_ra_mode: fixedField(null),
  segment_id: fixedField(null),
  dns_publish_fixed_ip: fixedField(false),
  service_types: { filter: () => nothing },
};

const SubnetReply = Type.Object({ subnet: subnetView.schema });

export const subnetRoutes = [
  route({
    method: 'GET',
    path: '/subnets',
    policy: 'get_subnet',
    summary: 'List subnets',
    query: listQuery(subnetFields),
    reply: Type.Object({ subnets: Type.Array(subnetView.schema), subnets_links: Type.Optional(Links) }),
    async handler(request, context) {
      const { store } = context;
      const source = { collection: store.subnets, table: listTables.subnets, visible: visibleSubnets(request.caller) };
      const page = await listRows(source, readNetworkQuery(request.query, subnetFields));
      const ids = [...new Set(page.items.map(({ network_id }) => network_id))];
      const networks = new Map((await store.networks.list({ id: ids })).map((network) => [network.id, network]));
      const targetOf = (subnet: Subnet) => targetIn(networks.get(subnet.network_id), subnet);
      const shown = page.items.filter((subnet) => allows(request, 'get_subnet', targetOf(subnet)));
      return listBody({ request, context }, 'subnets', { ...page, items: shown.map(subnetView.of(request, context)) });
    },
  }),
  route({
    method: 'GET',
    path: '/subnets/:id',
    policy: 'get_subnet',
    summary: 'Show a subnet',
    query: fieldsQuery,
    reply: SubnetReply,
    async handler(request, context) {
      const subnet = await findSubnet(context, request.caller, request.params.id);
      const network = await context.store.networks.find({ id: subnet.network_id });
      refuseHidden(request, 'get_subnet', { what: 'Subnet', id: subnet.id, target: targetIn(network, subnet) });
      return { subnet: project(subnetView.of(request, context)(subnet), request.query) };
    },
  }),
  route({
    method: 'POST',
    path: '/subnets',
    policy: 'create_subnet',
    summary: 'Create a subnet',
    status: 201,
    body: Type.Object({ subnet: NewSubnet }),
    reply: SubnetReply,
    async handler(request, context) {
      const { subnet: fields } = request.body;
      const network = await findNetwork(context, request.caller, fields.network_id);
      const target = targetIn(network, { ...fields, project_id: request.caller.project_id });
      authorize(request, 'create_subnet', target);
      authorizeAttributes(request, 'create_subnet', { fields, target });
      const subnet = await createSubnet(context, request.caller, { network, request: fields });
      return { subnet: subnetView.of(request, context)(subnet) };
    },
  }),
  route({
    method: 'PUT',
    path: '/subnets/:id',
    policy: 'update_subnet',
    summary: 'Change a subnet',
    body: Type.Object({ subnet: Changes }),
    reply: SubnetReply,
    async handler(request, context) {
      const subnet = await findSubnet(context, request.caller, request.params.id);
      const target = targetIn(undefined, subnet);
      authorize(request, 'update_subnet', target);
      authorizeAttributes(request, 'update_subnet', { fields: request.body.subnet, target });
      return { subnet: subnetView.of(request, context)(await updateSubnet(context, subnet.id, request.body.subnet)) };
    },
  }),
  route({
    method: 'DELETE',
    path: '/subnets/:id',
    policy: 'delete_subnet',
    summary: 'Delete a subnet',
    status: 204,
    async handler(request, context) {
      const subnet = await findSubnet(context, request.caller, request.params.id);
      authorize(request, 'delete_subnet', targetIn(undefined, subnet));
      await deleteSubnet(context, subnet);
    },
  }),
];
