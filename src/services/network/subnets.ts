/** Subnets: the addresses of a network. */
import { randomUUID } from 'node:crypto';
import { Fault } from '#domain/faults.ts';
import { poolRanges, siteRanges } from '#domain/reserved-addresses.ts';
import { giveAutomatic, takeAutomatic } from '#engine/servers/addresses.ts';
import type { Store } from '#store/store.ts';
import type { Network } from '#store/tables/networks.ts';
import type { Subnet } from '#store/tables/subnets.ts';
import type { Caller } from '../caller.ts';
import type { NetworkContext } from './context.ts';
import { networkFault } from './errors.ts';
import { type ModesRequest, modesOf, refuseWithoutDhcp } from './ipv6-modes.ts';
import { refuseOver } from './quotas.ts';
import { requireSegment } from './segments.ts';
import { type PrefixRequest, prefixFor } from './subnet-allocation.ts';
import { type PlanRequest, planSubnet, type Reserved, refuseOverlap, refuseProvisioningSubnet } from './subnet-plan.ts';
import { ownerOf } from './visibility.ts';

type Described = {
  readonly name?: string | undefined;
  readonly description?: string | undefined;
  readonly enable_dhcp?: boolean | undefined;
  readonly service_types?: readonly string[] | undefined;
  readonly segment_id?: string | null | undefined;
};
type Addressing = Omit<PlanRequest, 'ip_version' | 'cidr'>;
export type SubnetChanges = Described & Addressing;
export type NewSubnet = Described &
  Addressing &
  PrefixRequest &
  ModesRequest & {
    readonly project_id?: string | undefined;
    readonly tenant_id?: string | undefined;
  };

function reservedBy({ settings }: NetworkContext): Reserved {
  return { site: siteRanges(settings), pool: poolRanges(settings) };
}

/** @throws Fault `forbidden`, `badRequest`, `invalidInput`, `missing`, `conflict`, `overQuota`, `ipAddressInUse` */
export async function createSubnet(
  context: NetworkContext,
  caller: Caller,
  { network, request }: { network: Network; request: NewSubnet },
): Promise<Subnet> {
  const project_id = ownerOf(caller, request);
  const provisioning = context.settings['provisioning.cidr'];
  const now = new Date().toISOString();
  return context.store.transaction(async (trx) => {
    const others = await trx.subnets.pick(['cidr', 'network_id', 'project_id', 'ip_version', 'subnetpool_id']);
    await refuseOver(trx, 'subnet', { project_id });
    const place = { network_id: network.id, project_id };
    const { cidr, subnetpool_id } = await prefixFor(trx, caller, { request, place, known: others, provisioning });
    const plan = planSubnet({ ...request, cidr }, reservedBy(context));
    if (!caller.is_admin) refuseProvisioningSubnet(plan.cidr, network.id, provisioning);
    refuseOverlap({ cidr: plan.cidr, network_id: network.id, project_id }, { others, isAdmin: caller.is_admin });
    await refuseForeignGateway(trx, plan.gateway_ip, { network_id: network.id, project_id });
    const { segment_id = null } = request;
    const service_types = serviceTypesOf(request.service_types ?? []);
    await requireSegment(trx, { network_id: network.id, segment_id, service_types });
    await trx.networks.revise(network.id);
    const made = await trx.subnets.insert({
      ...plan,
      ...modesOf(request, plan.cidr),
      ...{ service_types, segment_id },
      id: randomUUID(),
      name: request.name ?? '',
      network_id: network.id,
      project_id,
      subnetpool_id,
      ip_version: request.ip_version,
      enable_dhcp: request.enable_dhcp ?? true,
      description: request.description ?? '',
      created_at: now,
      updated_at: now,
    });
    await giveAutomatic(trx, made);
    return made;
  });
}

/** What owners of devices begin with (neutron-lib, `DEVICE_OWNER_*_PREFIX`). */
const ownerPrefixes = ['baremetal:', 'compute:', 'manila:', 'network:', 'neutron:'];

/** @throws Fault `badRequest` */
function serviceTypesOf(types: readonly string[]): string[] {
  const unknown = types.find((type) => !ownerPrefixes.some((prefix) => type.startsWith(prefix)));
  if (unknown === undefined) return [...new Set(types)];
  const detail = `Subnet service type ${unknown} does not correspond to a valid device owner.`;
  throw networkFault('InvalidSubnetServiceType', `Invalid input for operation: ${detail}`);
}

/** Validates the whole subnet again, so that a new gateway cannot be inside an old pool. */
export async function updateSubnet(context: NetworkContext, id: string, changes: SubnetChanges): Promise<void> {
  const { name, description, enable_dhcp, service_types, segment_id, ...addressing } = changes;
  await context.store.transaction(async (trx) => {
    const subnet = await trx.subnets.find({ id });
    if (!subnet) throw new Fault('notFound', { what: 'Subnet', id });
    refuseWithoutDhcp(subnet, enable_dhcp);
    const changed: Subnet = {
      ...subnet,
      ...planSubnet({ ...subnet, ...addressing }, reservedBy(context)),
      name: name ?? subnet.name,
      description: description ?? subnet.description,
      enable_dhcp: enable_dhcp ?? subnet.enable_dhcp,
      service_types: service_types ? serviceTypesOf(service_types) : subnet.service_types,
      segment_id: segment_id === undefined ? subnet.segment_id : segment_id,
      updated_at: new Date().toISOString(),
    };
    if (changed.segment_id !== subnet.segment_id) await requireSegment(trx, changed, subnet);
    if (changed.gateway_ip !== subnet.gateway_ip) {
      await refuseGatewayOfRouter(trx, subnet.gateway_ip);
      await refuseForeignGateway(trx, changed.gateway_ip, subnet);
    }
    await trx.subnets.update({ id }, changed);
    await trx.networks.revise(subnet.network_id);
  });
}

/** @throws Fault `conflict` while a router has the address */
async function refuseGatewayOfRouter(trx: Store, ip_address: string | null): Promise<void> {
  const allocation = ip_address === null ? undefined : await trx.ip_allocations.find({ ip_address });
  const port = allocation && (await trx.router_ports.find({ port_id: allocation.port_id }));
  if (!port) return;
  const detail = `Current gateway ip ${ip_address} already in use by port ${port.port_id}. Unable to update.`;
  throw networkFault('GatewayIpInUse', detail);
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

/** @throws Fault `subnetInUse` while a port has an address of it */
export async function deleteSubnet({ store }: NetworkContext, subnet: Subnet): Promise<void> {
  const { id, network_id } = subnet;
  await store.transaction(async (trx) => {
    await takeAutomatic(trx, subnet);
    const users = await trx.ip_allocations.pick(['port_id'], { subnet_id: id });
    if (users.length > 0) throw new Fault('subnetInUse', { subnet: id, detail: `${users.length} ports have an address of it` });
    await trx.subnets.remove({ id });
    await trx.networks.revise(network_id);
  });
}
