/** Subnets: the addresses of a network. */
import { randomUUID } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { poolRanges, siteRanges } from '#domain/reserved-addresses.ts';
import { hasItem, isAmong, nothing } from '#store/conditions.ts';
import { listRows } from '#store/list.ts';
import { listTables } from '#store/list-tables.ts';
import type { Store } from '#store/store.ts';
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
import { checkOwner, ownerOf, refuseMore, seeNetwork, seeSubnet, visibleSubnets } from './ownership.ts';
import { enforce, enforceAttributes } from './policies.ts';
import { planSubnet, type Reserved, refuseOverlap, refuseProvisioningSubnet } from './subnet-plan.ts';

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
type NewSubnet = Static<typeof NewSubnet>;

export function registerSubnets(app: ApiScope, context: ApiContext): void {
  app.get('/subnets', { schema: { querystring: NetworkQuery } }, async (request) => {
    const { store } = context;
    const source = { collection: store.subnets, table: listTables.subnets, visible: visibleSubnets(request.caller) };
    const page = await listRows(source, readNetworkQuery(request.query, subnetFields));
    return listBody(context, request, { plural: 'subnets', page: { ...page, items: page.items.map(subnetBody) } });
  });
  app.get('/subnets/:id', { schema: { params: ById, querystring: NetworkQuery } }, async (request) => ({
    subnet: project(subnetBody(await seeSubnet(context, request, request.params.id)), request.query),
  }));
  app.post('/subnets', { schema: { body: Type.Object({ subnet: NewSubnet }) } }, async (request, reply) => {
    const subnet = await createSubnet(context, request, request.body.subnet);
    reply.code(201);
    return { subnet: subnetBody(subnet) };
  });
  app.put('/subnets/:id', { schema: { params: ById, body: Type.Object({ subnet: Changes }) } }, async (request) => {
    const subnet = await seeSubnet(context, request, request.params.id);
    checkOwner(request, subnet);
    return { subnet: subnetBody(await updateSubnet(context, request, { subnet, fields: request.body.subnet })) };
  });
  app.delete('/subnets/:id', { schema: { params: ById } }, async (request, reply) => {
    const subnet = await seeSubnet(context, request, request.params.id);
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

function reservedBy({ settings }: ApiContext): Reserved {
  return { site: siteRanges(settings), pool: poolRanges(settings) };
}

/** Addresses are static and on the config drive; there is no router here that could announce them. */
function refuseAnnounced({ ipv6_address_mode, ipv6_ra_mode }: NewSubnet): void {
  const mode = ipv6_address_mode ?? ipv6_ra_mode;
  if (mode)
    throw new Fault('unsupported', { what: `Announcing IPv6 addresses (${mode}, where fixed ones are on the config drive)` });
}

async function createSubnet(context: ApiContext, request: FastifyRequest, fields: NewSubnet): Promise<Subnet> {
  const network = await seeNetwork(context, request, fields.network_id);
  enforce('create_subnet', request, network);
  enforceAttributes('create_subnet', request, { fields, network });
  refuseAnnounced(fields);
  const project_id = ownerOf(request, fields);
  const plan = planSubnet(fields, reservedBy(context));
  if (!request.caller.is_admin) refuseProvisioningSubnet(plan.cidr, network.id, context.settings['provisioning.cidr']);
  const now = new Date().toISOString();
  return context.store.transaction(async (trx) => {
    const others = await trx.subnets.pick(['id', 'cidr', 'network_id', 'project_id']);
    refuseMore(
      request,
      'subnet',
      others.filter((other) => other.project_id === project_id),
    );
    refuseOverlap({ cidr: plan.cidr, network_id: network.id, project_id }, { others, isAdmin: request.caller.is_admin });
    await refuseForeignGateway(trx, plan.gateway_ip, { network_id: network.id, project_id });
    return trx.subnets.insert({
      ...plan,
      id: randomUUID(),
      name: fields.name ?? '',
      network_id: network.id,
      project_id,
      ip_version: fields.ip_version,
      enable_dhcp: fields.enable_dhcp ?? true,
      description: fields.description ?? '',
      created_at: now,
      updated_at: now,
    });
  });
}

type SubnetChange = { subnet: Subnet; fields: Static<typeof Changes> };

/** Validates the whole subnet again, so that a new gateway cannot be inside an old pool. */
async function updateSubnet(context: ApiContext, request: FastifyRequest, change: SubnetChange): Promise<Subnet> {
  enforceAttributes('update_subnet', request, change);
  const { name, description, enable_dhcp, ...addressing } = change.fields;
  const { id } = change.subnet;
  return context.store.transaction(async (trx) => {
    const subnet = await trx.subnets.find({ id });
    if (!subnet) throw new Fault('notFound', { what: 'Subnet', id });
    const changed: Subnet = {
      ...subnet,
      ...planSubnet({ ...subnet, ...addressing }, reservedBy(context)),
      name: name ?? subnet.name,
      description: description ?? subnet.description,
      enable_dhcp: enable_dhcp ?? subnet.enable_dhcp,
      updated_at: new Date().toISOString(),
    };
    if (changed.gateway_ip !== subnet.gateway_ip) await refuseForeignGateway(trx, changed.gateway_ip, subnet);
    await trx.subnets.update({ id }, changed);
    return changed;
  });
}

/** A server of the project may be its router; another project's server may not. */
async function refuseForeignGateway(
  trx: Store,
  gateway_ip: string | null,
  { network_id, project_id }: Pick<Subnet, 'network_id' | 'project_id'>,
): Promise<void> {
  const allocation = gateway_ip === null ? undefined : await trx.ip_allocations.find({ ip_address: gateway_ip });
  const port = allocation && (await trx.ports.find({ id: allocation.port_id }));
  if (port && port.project_id !== project_id)
    throw new Fault('ipAddressInUse', { address: gateway_ip ?? '', network: network_id });
}

async function deleteSubnet(context: ApiContext, subnet: Subnet): Promise<void> {
  await context.store.transaction(async (trx) => {
    const users = await trx.ip_allocations.pick(['port_id'], { subnet_id: subnet.id });
    if (users.length > 0)
      throw new Fault('subnetInUse', { subnet: subnet.id, detail: `${users.length} ports have an address of it` });
    await trx.subnets.remove({ id: subnet.id });
  });
}
