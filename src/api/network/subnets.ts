/** Subnets: the addresses of a network. */
import { Type } from 'typebox';
import { createSubnet, deleteSubnet, updateSubnet } from '#services/network/subnets.ts';
import { findNetwork, findSubnet, visibleSubnets } from '#services/network/visibility.ts';
import { hasItem, isAmong, nothing } from '#store/conditions.ts';
import { listRows } from '#store/list.ts';
import { listTables } from '#store/list-tables.ts';
import type { Subnet } from '#store/tables/subnets.ts';
import type { ApiContext, ApiScope } from '../context.ts';
import {
  booleanCondition,
  booleanField,
  fixedField,
  integerField,
  itemsField,
  type ListFields,
  nullableField,
  textField,
} from '../http/list.ts';
import { type Body, ById, listBody, NetworkQuery, project, readNetworkQuery, standardFields } from './list-query.ts';
import { checkOwner, enforce, enforceAttributes } from './policies.ts';

const maxItems = 64;
const Pool = Type.Object({ start: Type.String({ maxLength: 255 }), end: Type.String({ maxLength: 255 }) });
const Route = Type.Object({ destination: Type.String({ maxLength: 255 }), nexthop: Type.String({ maxLength: 255 }) });
const Changes = Type.Object(
  {
    name: Type.Optional(Type.String({ maxLength: 255 })),
    description: Type.Optional(Type.String({ maxLength: 255 })),
    gateway_ip: Type.Optional(Type.Union([Type.String({ maxLength: 255 }), Type.Null()])),
    enable_dhcp: Type.Optional(Type.Boolean()),
    dns_nameservers: Type.Optional(Type.Array(Type.String({ maxLength: 255 }), { maxItems })),
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
    network_id: Type.String({ maxLength: 255 }),
    cidr: Type.String({ maxLength: 255 }),
    ip_version: Type.Union([Type.Literal(4), Type.Literal(6)]),
    project_id: Type.Optional(Type.String({ maxLength: 255 })),
    tenant_id: Type.Optional(Type.String({ maxLength: 255 })),
    subnetpool_id: Type.Optional(Type.Null()),
    ipv6_address_mode: Type.Optional(Ipv6Mode),
    ipv6_ra_mode: Type.Optional(Ipv6Mode),
  },
  { additionalProperties: false },
);

export function registerSubnets(app: ApiScope, context: ApiContext): void {
  app.get('/subnets', { schema: { querystring: NetworkQuery } }, async (request) => {
    const { store } = context;
    const source = { collection: store.subnets, table: listTables.subnets, visible: visibleSubnets(request.caller) };
    const page = await listRows(source, readNetworkQuery(request.query, subnetFields));
    return listBody(context, request, { plural: 'subnets', page: { ...page, items: page.items.map(subnetBody) } });
  });
  app.get('/subnets/:id', { schema: { params: ById, querystring: NetworkQuery } }, async (request) => ({
    subnet: project(subnetBody(await findSubnet(context, request.caller, request.params.id)), request.query),
  }));
  app.post('/subnets', { schema: { body: Type.Object({ subnet: NewSubnet }) } }, async (request, reply) => {
    const fields = request.body.subnet;
    const network = await findNetwork(context, request.caller, fields.network_id);
    enforce('create_subnet', request, network);
    enforceAttributes('create_subnet', request, { fields, network });
    const subnet = await createSubnet(context, request.caller, { network, request: fields });
    reply.code(201);
    return { subnet: subnetBody(subnet) };
  });
  app.put('/subnets/:id', { schema: { params: ById, body: Type.Object({ subnet: Changes }) } }, async (request) => {
    const subnet = await findSubnet(context, request.caller, request.params.id);
    checkOwner(request, subnet);
    enforceAttributes('update_subnet', request, { fields: request.body.subnet });
    return { subnet: subnetBody(await updateSubnet(context, subnet.id, request.body.subnet)) };
  });
  app.delete('/subnets/:id', { schema: { params: ById } }, async (request, reply) => {
    const subnet = await findSubnet(context, request.caller, request.params.id);
    checkOwner(request, subnet);
    await deleteSubnet(context, subnet);
    return reply.code(204).send();
  });
}

const texts = ['id', 'name', 'network_id', 'project_id', 'cidr', 'description', 'created_at', 'updated_at'];

const subnetFields: ListFields = {
  ...Object.fromEntries(texts.map((name) => [name, textField(name)])),
  ...standardFields,
  tenant_id: textField('project_id'),
  ip_version: integerField('ip_version'),
  gateway_ip: nullableField('gateway_ip'),
  enable_dhcp: booleanField('enable_dhcp'),
  dns_nameservers: { filter: (values) => hasItem('dns_nameservers', values) },
  allocation_pools: itemsField('allocation_pools'),
  host_routes: itemsField('host_routes'),
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

function subnetBody(subnet: Subnet): Body {
  return {
    ...subnet,
    tenant_id: subnet.project_id,
    subnetpool_id: null,
    ipv6_address_mode: null,
    ipv6_ra_mode: null,
    segment_id: null,
    service_types: [],
    dns_publish_fixed_ip: false,
    tags: [],
    revision_number: 1,
  };
}
