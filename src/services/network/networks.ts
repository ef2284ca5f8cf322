/** Networks. Ingot does not configure switches: all are the one wire that the machines are on, whatever their type. */
import { randomUUID } from 'node:crypto';
import { Fault } from '#domain/faults.ts';
import type { Store } from '#store/store.ts';
import type { Network } from '#store/tables/networks.ts';
import type { Caller } from '../caller.ts';
import { refuseUnknownZones, zonesOfAgent } from './availability-zones.ts';
import type { NetworkContext } from './context.ts';
import { readDnsDomain } from './dns-names.ts';
import { networkFault } from './errors.ts';
import { defaultMtuOf, type Segment, type SegmentRequest } from './provider-segments.ts';
import { changedQosPolicy, qosPolicyForNetwork } from './qos-policies.ts';
import { refuseOver } from './quotas.ts';
import { writeNetworkAccess } from './rbac-policies.ts';
import { floatingOwner, gatewayOwner } from './router-ports.ts';
import { insertSegments, reserveSegments, segmentsOfNetworks, updateSegmentationId } from './segments.ts';
import { ownerOf } from './visibility.ts';

/** The minimum of IPv4 (RFC 791). */
const minMtu = 68;
const maxMtu = 65535;

export type NetworkChanges = SegmentRequest & {
  readonly name?: string | undefined;
  readonly admin_state_up?: boolean | undefined;
  readonly shared?: boolean | undefined;
  readonly external?: boolean | undefined;
  /** A number, or one as text. */
  readonly mtu?: number | string | undefined;
  readonly port_security_enabled?: boolean | undefined;
  readonly description?: string | undefined;
  readonly qos_policy_id?: string | null | undefined;
  readonly dns_domain?: string | undefined;
};
export type NewNetwork = NetworkChanges & {
  readonly project_id?: string | undefined;
  readonly tenant_id?: string | undefined;
  readonly availability_zone_hints?: readonly string[] | undefined;
  /** In place of the one that the attributes of a provider name. */
  readonly segments?: readonly SegmentRequest[] | undefined;
};

/** @throws Fault `forbidden`, `overQuota`, `badRequest`, `invalidInput`, `missing`, `conflict` */
export async function createNetwork({ store }: NetworkContext, caller: Caller, request: NewNetwork): Promise<Network> {
  const { availability_zone_hints = [] } = request;
  refuseUnknownZones(availability_zone_hints);
  const project_id = ownerOf(caller, request);
  const now = new Date().toISOString();
  const network = {
    id: randomUUID(),
    name: request.name ?? '',
    project_id,
    admin_state_up: request.admin_state_up ?? true,
    shared: request.shared ?? false,
    external: request.external ?? false,
    availability_zone_hints: [...new Set(availability_zone_hints)],
    port_security_enabled: request.port_security_enabled ?? true,
    description: request.description ?? '',
    dns_domain: readDnsDomain(request.dns_domain ?? ''),
    created_at: now,
    updated_at: now,
  };
  return store.transaction(async (trx) => {
    await refuseOver(trx, 'network', { project_id });
    const qos_policy_id = await qosPolicyForNetwork(trx, caller, request, project_id);
    const segments = await reserveSegments(trx, request);
    const mtu = request.mtu === undefined ? defaultMtuOf(segments) : readMtu(request.mtu);
    const made = await trx.networks.insert({ ...network, mtu, qos_policy_id });
    await insertSegments(trx, made, segments);
    await writeNetworkAccess(trx, made, made);
    return made;
  });
}

function readMtu(value: number | string): number {
  const mtu = Number(value);
  if (mtu >= minMtu && mtu <= maxMtu) return mtu;
  throw new Fault('badRequest', { detail: `Invalid input for mtu: it must be from ${minMtu} to ${maxMtu}, not ${value}.` });
}

/** @throws Fault `missing`, `forbidden`, `conflict` if it is no longer to be shared and another project uses it */
export async function updateNetwork(
  { store }: NetworkContext,
  caller: Caller,
  { id }: Network,
  changes: NetworkChanges,
): Promise<void> {
  await store.transaction(async (trx) => {
    const network = await trx.networks.find({ id });
    if (!network) throw new Fault('notFound', { what: 'Network', id });
    const { network_type, physical_network, segmentation_id } = changes;
    await updateSegmentationId(trx, id, { network_type, physical_network, segmentation_id });
    const changed: Network = {
      ...network,
      name: changes.name ?? network.name,
      admin_state_up: changes.admin_state_up ?? network.admin_state_up,
      shared: changes.shared ?? network.shared,
      external: changes.external ?? network.external,
      mtu: changes.mtu === undefined ? network.mtu : readMtu(changes.mtu),
      port_security_enabled: changes.port_security_enabled ?? network.port_security_enabled,
      description: changes.description ?? network.description,
      dns_domain: changes.dns_domain === undefined ? network.dns_domain : readDnsDomain(changes.dns_domain),
      qos_policy_id: await changedQosPolicy(trx, caller, { current: network.qos_policy_id, request: changes }),
      updated_at: new Date().toISOString(),
    };
    if (network.external && !changed.external) await refuseUsedOutside(trx, id);
    // One that is external for some projects only is not to become so for all by another change.
    await writeNetworkAccess(trx, network, {
      ...(changed.shared !== network.shared && { shared: changed.shared }),
      ...(changed.external !== network.external && { external: changed.external }),
    });
    await trx.networks.update({ id }, changed);
  });
}

/** @throws Fault `conflict` while a router or floating IP has an address of it */
async function refuseUsedOutside(trx: Store, id: string): Promise<void> {
  const users = await trx.ports.count({ network_id: id, device_owner: [gatewayOwner, floatingOwner] });
  if (users === 0) return;
  const reason = 'since it has existing gateway ports';
  throw networkFault('ExternalNetworkInUse', `External network ${id} cannot be updated to be made non-external, ${reason}.`);
}

/** Deletes its subnets too; a port prevents the deletion. @throws Fault `networkInUse` */
export async function deleteNetwork({ store }: NetworkContext, network: Network): Promise<void> {
  await store.transaction(async (trx) => {
    const ports = await trx.ports.pick(['id'], { network_id: network.id });
    if (ports.length > 0)
      throw new Fault('networkInUse', { network: network.id, detail: `there are ${ports.length} ports on it` });
    await trx.rbac_policies.remove({ object_id: network.id });
    await trx.subnets.remove({ network_id: network.id });
    await trx.network_segments.remove({ network_id: network.id });
    await trx.networks.remove({ id: network.id });
  });
}

export type NetworkFacts = {
  /** Ids, oldest first. */
  readonly subnets: readonly string[];
  /** Of the pool that its subnets of the version are from. */
  readonly scopes: Readonly<Partial<Record<4 | 6, string | null>>>;
  /** In their order. */
  readonly segments: readonly Segment[];
  /** Whether its subnets are of the whole network. */
  readonly isAdjacent: boolean;
  /** Where its addresses are served. */
  readonly availability_zones: readonly string[];
};

/** What is shown with networks, by their ids. */
export async function factsOfNetworks(
  { store }: NetworkContext,
  networks: readonly Network[],
): Promise<ReadonlyMap<string, NetworkFacts>> {
  const columns = ['id', 'network_id', 'created_at', 'ip_version', 'subnetpool_id', 'segment_id', 'enable_dhcp'] as const;
  const where = { network_id: networks.map(({ id }) => id) };
  const subnets = await store.subnets.pick(columns, where, { orderBy: 'created_at' });
  const ids = [...new Set(subnets.flatMap(({ subnetpool_id }) => subnetpool_id ?? []))];
  const pools = ids.length === 0 ? [] : await store.subnet_pools.pick(['id', 'address_scope_id'], { id: ids });
  const scopeOf = new Map(pools.map(({ id, address_scope_id }) => [id, address_scope_id]));
  const groups = Map.groupBy(subnets, ({ network_id }) => network_id);
  const segments = await segmentsOfNetworks(store, where.network_id);
  const zones = await zonesOfAgent(store, 'DHCP agent');
  return new Map(
    networks.map(({ id: network }) => {
      const members = groups.get(network) ?? [];
      const pooled = members.filter(({ subnetpool_id }) => subnetpool_id !== null);
      const scopes = pooled.map(({ ip_version, subnetpool_id }) => [ip_version, scopeOf.get(subnetpool_id ?? '') ?? null]);
      const facts = {
        subnets: members.map(({ id }) => id),
        scopes: Object.fromEntries(scopes),
        segments: segments.get(network) ?? [],
        availability_zones: members.some(({ enable_dhcp }) => enable_dhcp) ? zones : [],
        isAdjacent: (members[0]?.segment_id ?? null) === null,
      };
      return [network, facts];
    }),
  );
}
