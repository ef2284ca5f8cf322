/** Ports: a MAC and addresses on a network, for a server's NIC. */
import { Fault } from '#domain/faults.ts';
import type { JsonObject } from '#domain/json.ts';
import { siteRanges } from '#domain/reserved-addresses.ts';
import { allocatePort, isAttached, readdressPort, refuseMacOfNic, releasePort } from '#engine/servers/addresses.ts';
import type { Store } from '#store/store.ts';
import type { Network } from '#store/tables/networks.ts';
import type { Port } from '#store/tables/ports.ts';
import type { Caller } from '../caller.ts';
import { addressPairsOf, requirePortSecurity, type WantedPair } from './address-pairs.ts';
import type { NetworkContext } from './context.ts';
import { dhcpOptionsWith, type WantedOption } from './dhcp-options.ts';
import { readDnsName } from './dns-names.ts';
import { networkFault } from './errors.ts';
import { refuseFloatingChange } from './floating-ips.ts';
import { readMac } from './macs.ts';
import { removeOfOthers } from './port-forwardings.ts';
import { refuseManyOnForeign } from './port-quota.ts';
import { changedSecurityOf, newSecurityOf } from './port-security.ts';
import { changedQosPolicy, qosPolicyFor } from './qos-policies.ts';
import { refuseOver } from './quotas.ts';
import { refuseL3Port } from './router-ports.ts';
import { refuseManyTags } from './tags.ts';
import { refusePortOfTrunk } from './trunks.ts';
import { ownerOf } from './visibility.ts';

export type FixedIp = { readonly subnet_id?: string; readonly ip_address?: string };

export type PortChanges = {
  readonly name?: string | undefined;
  readonly description?: string | undefined;
  readonly admin_state_up?: boolean | undefined;
  readonly fixed_ips?: readonly FixedIp[] | undefined;
  readonly mac_address?: string | undefined;
  readonly device_id?: string | undefined;
  readonly device_owner?: string | undefined;
  /** null ends the binding. */
  readonly 'binding:host_id'?: string | null | undefined;
  readonly 'binding:profile'?: JsonObject | null | undefined;
  readonly port_security_enabled?: boolean | undefined;
  readonly security_groups?: readonly string[] | undefined;
  readonly allowed_address_pairs?: readonly WantedPair[] | undefined;
  readonly propagate_uplink_status?: boolean | undefined;
  readonly numa_affinity_policy?: Port['numa_affinity_policy'] | undefined;
  readonly qos_policy_id?: string | null | undefined;
  readonly dns_name?: string | undefined;
  readonly extra_dhcp_opts?: readonly WantedOption[] | undefined;
  readonly data_plane_status?: NonNullable<Port['data_plane_status']> | undefined;
};
export type NewPort = PortChanges & {
  readonly project_id?: string | undefined;
  readonly tenant_id?: string | undefined;
  readonly tags?: readonly string[] | undefined;
};

/** @throws Fault as `allocatePort`, and `overQuota` */
export async function createPort(
  { store, settings }: NetworkContext,
  caller: Caller,
  { network, request }: { network: Network; request: NewPort },
): Promise<Port> {
  const { name, description, admin_state_up, fixed_ips, device_id, device_owner } = request;
  const mac_address = request.mac_address && readMac(request.mac_address);
  const project_id = ownerOf(caller, request);
  return store.transaction(async (trx) => {
    await refuseOver(trx, 'port', { project_id });
    if (mac_address) await refuseMacOfNic(trx, mac_address, network.id);
    const port = await allocatePort(trx, {
      network,
      project_id,
      reserved: siteRanges(settings),
      ...definedOf({ name, description, admin_state_up, fixed_ips, device_id, device_owner }),
      ...bindingOf(request),
      ...(mac_address && { mac_address }),
      ...(await newSecurityOf(trx, caller, { network, project_id, request })),
    });
    if (!caller.is_admin) await refuseManyOnForeign(trx, project_id, network);
    const facts = { ...factsOf(port, request), ...(await newPolicyOf(trx, caller, request)) };
    const tags = [...new Set(request.tags ?? [])].sort();
    if (tags.length === 0 && Object.keys(facts).length === 0) return port;
    refuseManyTags(tags);
    await trx.ports.update({ id: port.id }, { ...facts, tags });
    return { ...port, ...facts, tags, revision_number: port.revision_number + 1 };
  });
}

/** MAC and addresses of a bound port are in use by a running machine. @throws Fault as `allocatePort`, and `conflict` */
export async function updatePort(
  { store, settings }: NetworkContext,
  caller: Caller,
  { id, request }: { id: string; request: PortChanges },
): Promise<void> {
  const { name, description, admin_state_up } = request;
  await store.transaction(async (trx) => {
    const port = await trx.ports.find({ id });
    if (!port) throw new Fault('notFound', { what: 'Port', id });
    const { mac_address, fixed_ips, device_id, device_owner } = changesOf(port, request);
    if ([mac_address, fixed_ips, device_id, device_owner].some((value) => value !== undefined)) {
      await refuseL3Port(trx, port);
      await refuseBound(trx, port, { type: 'PortBound', action: 'changed in that way' });
    }
    if (mac_address !== undefined || fixed_ips) await refuseBoundSubport(trx, port);
    if (fixed_ips) await refuseFloatingChange(trx, port, fixed_ips);
    if (mac_address) await refuseMacOfNic(trx, mac_address, port.network_id);
    const security = await changedSecurityOf(trx, caller, { port, request });
    const described = {
      ...definedOf({ name, description, admin_state_up, device_id, device_owner }),
      ...bindingOf(request),
      ...security,
      qos_policy_id: await changedQosPolicy(trx, caller, { current: port.qos_policy_id, request }),
      ...factsOf({ ...port, ...definedOf({ mac_address }), ...security }, request),
    };
    const changed = await readdressPort(trx, port, { ...definedOf({ mac_address, fixed_ips }), reserved: siteRanges(settings) });
    await trx.ports.update({ id }, { ...described, updated_at: changed.updated_at });
    if (fixed_ips) await removeOfOthers(trx, changed);
  });
}

async function newPolicyOf(trx: Store, caller: Caller, request: NewPort): Promise<Partial<Port>> {
  const qos_policy_id = await qosPolicyFor(trx, caller, request);
  return qos_policy_id === null ? {} : { qos_policy_id };
}

/** What nothing here depends on. @throws Fault `badRequest`, `conflict` */
function factsOf(port: Port, request: PortChanges): Partial<Port> {
  const { allowed_address_pairs, extra_dhcp_opts, dns_name } = request;
  const { propagate_uplink_status, numa_affinity_policy, data_plane_status } = request;
  const pairs = allowed_address_pairs && addressPairsOf(allowed_address_pairs, port.mac_address);
  requirePortSecurity(pairs ?? port.allowed_address_pairs, port.port_security_enabled);
  return definedOf({
    allowed_address_pairs: pairs,
    dns_name: dns_name === undefined ? undefined : readDnsName(dns_name),
    extra_dhcp_opts: extra_dhcp_opts && dhcpOptionsWith(port.extra_dhcp_opts, extra_dhcp_opts),
    ...{ propagate_uplink_status, numa_affinity_policy, data_plane_status },
  });
}

/** Unlike MAC and addresses, they may change while a machine uses the port: no switch depends on them. */
function bindingOf(request: PortChanges): { binding_host_id?: string; binding_profile?: JsonObject } {
  const { 'binding:host_id': host, 'binding:profile': profile } = request;
  return definedOf({
    binding_host_id: host === null ? '' : host,
    binding_profile: profile === null ? {} : profile,
  });
}

/** The fields that differ from the current port: clients send back what they have read. */
export function changesOf<Request extends PortChanges>(port: Port, request: Request): Request {
  const { device_id, device_owner, fixed_ips, mac_address: wantedMac, ...others } = request;
  const mac_address = wantedMac && readMac(wantedMac);
  const changes = definedOf({
    mac_address: mac_address === port.mac_address ? undefined : mac_address,
    device_id: device_id === port.device_id ? undefined : device_id,
    device_owner: device_owner === port.device_owner ? undefined : device_owner,
    fixed_ips: fixed_ips && isSame(port.fixed_ips, fixed_ips) ? undefined : fixed_ips,
  });
  return { ...others, ...changes } as unknown as Request;
}

function isSame(has: Port['fixed_ips'], wanted: readonly FixedIp[]): boolean {
  if (has.length !== wanted.length) return false;
  return has.every(({ subnet_id, ip_address }, index) => {
    const other = wanted[index];
    return other?.ip_address === ip_address && (other.subnet_id ?? subnet_id) === subnet_id;
  });
}

/** @throws Fault `conflict` while a server or trunk uses the port */
export async function deletePort({ store }: NetworkContext, port: Port): Promise<void> {
  await store.transaction(async (trx) => {
    await refuseL3Port(trx, port);
    await refuseBound(trx, port, { type: 'ServicePortInUse', action: 'deleted' });
    await refusePortOfTrunk(trx, port.id);
    await releasePort(trx, port.id);
  });
}

type Refusal = { type: 'PortBound' | 'ServicePortInUse'; action: string };

async function refuseBound(store: Store, port: Port, { type, action }: Refusal): Promise<void> {
  if (await isAttached(store, port.id))
    throw networkFault(type, `Port ${port.id} cannot be ${action} while server ${port.device_id} uses it.`);
}

/** The machine of its trunk uses MAC and addresses of a subport as its own. @throws Fault `conflict` */
async function refuseBoundSubport(store: Store, { id }: Port): Promise<void> {
  const subport = await store.trunk_subports.find({ port_id: id });
  const trunk = subport && (await store.trunks.find({ id: subport.trunk_id }));
  if (trunk && (await isAttached(store, trunk.port_id)))
    throw networkFault('PortBound', `Port ${id} cannot be changed in that way while a server uses its trunk ${trunk.id}.`);
}

/** Omits undefined fields, so that they do not overwrite others. */
function definedOf<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
