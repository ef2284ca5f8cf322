/**
 * Allocates and releases network ports and their addresses in one transaction. All networks share one wire
 * (docs/decisions/0022-one-wire.md), so MACs and IP addresses are unique across all of them.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { Fault } from '#domain/faults.ts';
import { isIn, parseAddress, parseCidr } from '#domain/ip-addresses.ts';
import type { JsonObject } from '#domain/json.ts';
import type { ReservedRange } from '#domain/reserved-addresses.ts';
import { UniqueViolation } from '#store/collection.ts';
import { defaultGroupOf } from '#store/default-security-group.ts';
import type { Store } from '#store/store.ts';
import { allocationOf } from '#store/tables/ip-allocations.ts';
import type { Network } from '#store/tables/networks.ts';
import type { Port } from '#store/tables/ports.ts';
import { addressesWithMac } from './automatic-addresses.ts';
import { chooseAddresses, type FixedIp, type WantedAddress } from './choose-addresses.ts';

export { giveAutomatic, isAutomatic, takeAutomatic } from './automatic-addresses.ts';

export type NewPort = {
  network: Network;
  project_id: string;
  id?: string;
  name?: string;
  mac_address?: string;
  /** Absent: one address for each IP version of the network. Empty: none. */
  fixed_ips?: readonly WantedAddress[];
  device_id?: string;
  device_owner?: string;
  admin_state_up?: boolean;
  description?: string;
  owned_by_server?: boolean;
  binding_host_id?: string;
  binding_profile?: JsonObject;
  /** Default: that of the network. */
  port_security_enabled?: boolean;
  /** Ids; default: the project's default group, unless there is no port security. */
  security_groups?: readonly string[];
  /** Addresses of the site, which are never allocated: `siteRanges` of the settings. */
  reserved?: readonly ReservedRange[];
  /** A router's port may have the address of the subnet's gateway. */
  isRouter?: boolean;
};

/**
 * Creates the port, in the caller's transaction if `store` is in one.
 * @throws Fault `ipAddressInUse`, `macAddressInUse`, `ipAddressGenerationFailure`, `invalidIpForNetwork`, `badRequest`
 */
export function allocatePort(store: Store, request: NewPort): Promise<Port> {
  return store.transaction(async (trx) => {
    const { network, fixed_ips: wanted, reserved = [], isRouter = false } = request;
    const mac_address = request.mac_address ?? (await newMac(trx));
    const { device_owner = '' } = request;
    const choice = { wanted, reserved, isRouter, mac: mac_address, device_owner };
    const fixed_ips = await chooseAddresses(trx, network.id, choice);
    const security = await securityOf(trx, request);
    const now = new Date().toISOString();
    const port = await withUniqueMac(network.id, mac_address, () =>
      trx.ports.insert({
        id: request.id ?? randomUUID(),
        name: request.name ?? '',
        network_id: network.id,
        project_id: request.project_id,
        mac_address,
        fixed_ips,
        device_id: request.device_id ?? '',
        device_owner,
        admin_state_up: request.admin_state_up ?? true,
        status: 'DOWN',
        description: request.description ?? '',
        owned_by_server: request.owned_by_server ?? false,
        binding_host_id: request.binding_host_id ?? '',
        binding_profile: request.binding_profile ?? {},
        ...security,
        created_at: now,
        updated_at: now,
      }),
    );
    await takeAddresses(trx, port, fixed_ips);
    return port;
  });
}

/** As Neutron: ports of the network's own devices, such as DHCP servers, have none. */
async function securityOf(trx: Store, request: NewPort): Promise<Pick<Port, 'port_security_enabled' | 'security_groups'>> {
  const { network, project_id, device_owner = '', security_groups } = request;
  const isTrusted = device_owner.startsWith('network:');
  const port_security_enabled = !isTrusted && (request.port_security_enabled ?? network.port_security_enabled);
  if (security_groups || !port_security_enabled)
    return { port_security_enabled, security_groups: [...new Set(security_groups ?? [])] };
  return { port_security_enabled, security_groups: [(await defaultGroupOf(trx, project_id)).id] };
}

/** Releases port, MAC and addresses, and what floating IPs have of it; idempotent. */
export async function releasePort(store: Store, id: string): Promise<void> {
  await store.transaction(async (trx) => {
    const free = { fixed_port_id: null, fixed_ip_address: null, router_id: null, status: 'DOWN' as const };
    await trx.floating_ips.update({ fixed_port_id: id }, { ...free, updated_at: new Date().toISOString() });
    await removeForwardings(trx, { internal_port_id: id });
    await trx.ports.remove({ id });
  });
}

type Forwardings = { internal_port_id: string; internal_ip_address?: string[] } | { id: string };

/** A floating IP without port forwardings belongs to no router. */
export async function removeForwardings(trx: Store, where: Forwardings): Promise<void> {
  const removed = await trx.port_forwardings.pick(['floatingip_id'], where);
  await trx.port_forwardings.remove(where);
  for (const id of new Set(removed.map(({ floatingip_id }) => floatingip_id))) {
    const isLast = (await trx.port_forwardings.count({ floatingip_id: id })) === 0;
    await trx.floating_ips.update(
      { id },
      { updated_at: new Date().toISOString(), ...(isLast && { router_id: null, status: 'DOWN' }) },
    );
  }
}

export type PortChanges = { mac_address?: string; fixed_ips?: readonly WantedAddress[]; reserved?: readonly ReservedRange[] };

/** Changes the MAC or addresses under the same rules; current addresses may be kept. */
export function readdressPort(store: Store, port: Port, changes: PortChanges): Promise<Port> {
  return store.transaction(async (trx) => {
    const { mac_address, fixed_ips: wanted, reserved = [] } = changes;
    const mac = mac_address ?? port.mac_address;
    if (wanted) await trx.ip_allocations.remove({ port_id: port.id });
    const choice = { reserved, own: port.fixed_ips, mac, device_owner: port.device_owner };
    const moved = !wanted && mac !== port.mac_address ? await addressesWithMac(trx, port, mac) : undefined;
    const patch = {
      ...(mac_address && { mac_address }),
      ...(moved && { fixed_ips: moved }),
      ...(wanted && { fixed_ips: await chooseAddresses(trx, port.network_id, { ...choice, wanted }) }),
      updated_at: new Date().toISOString(),
    };
    await withUniqueMac(port.network_id, mac_address ?? '', () => trx.ports.update({ id: port.id }, patch));
    if (wanted) await takeAddresses(trx, port, patch.fixed_ips ?? []);
    return { ...port, ...patch };
  });
}

/** True if the address lies in the subnet; false for anything that is not an address or subnet. */
export function addressIsIn(address: string, cidr: string): boolean {
  const [value, range] = [parseAddress(address), parseCidr(cidr)];
  return value !== undefined && range !== undefined && isIn(value, range);
}

/** The primary key decides conflicts, whatever was read before. */
async function takeAddresses(trx: Store, port: Port, fixed_ips: readonly FixedIp[]): Promise<void> {
  for (const fixed of fixed_ips) {
    const isTaken = !(await trx.ip_allocations.insertIfAbsent(allocationOf(port.id, fixed)));
    if (isTaken) throw new Fault('ipAddressInUse', { address: fixed.ip_address, network: port.network_id });
  }
}

async function withUniqueMac<R>(network: string, mac: string, write: () => Promise<R>): Promise<R> {
  try {
    return await write();
  } catch (error) {
    if (error instanceof UniqueViolation && error.columns.includes('mac_address'))
      throw new Fault('macAddressInUse', { mac, network });
    throw error;
  }
}

/** OpenStack's own prefix (not assigned to a vendor) and three random bytes. */
export async function newMac(trx: Store): Promise<string> {
  for (;;) {
    const mac = ['fa', '16', '3e', ...randomBytes(3).toString('hex').match(/../g)!].join(':');
    if (!(await trx.ports.find({ mac_address: mac })) && !(await isOfMachine(trx, mac))) return mac;
  }
}

async function isOfMachine(store: Store, address: string): Promise<boolean> {
  return ((await store.node_ports.find({ address })) ?? (await store.portgroups.find({ address }))) !== undefined;
}

/** A user may not choose the MAC of a node's NIC or bond: no server could then get a port on that machine. */
export async function refuseMacOfNic(store: Store, mac: string, network: string): Promise<void> {
  if (await isOfMachine(store, mac)) throw new Fault('macAddressInUse', { mac, network });
}

/** Whether a machine uses the network port. */
export async function isAttached(store: Store, id: string): Promise<boolean> {
  return (await attachedAmong(store, [id])).has(id);
}

/** Those of the network ports that machines use. */
export async function attachedAmong(store: Store, ids: readonly string[]): Promise<ReadonlySet<string>> {
  if (ids.length === 0) return new Set();
  const where = { vif_port_id: ids };
  const rows = [
    ...(await store.node_ports.pick(['vif_port_id'], where)),
    ...(await store.portgroups.pick(['vif_port_id'], where)),
  ];
  return new Set(rows.flatMap(({ vif_port_id }) => vif_port_id ?? []));
}
