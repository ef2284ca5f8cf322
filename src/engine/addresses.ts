/**
 * Network ports and their addresses, taken and given back in one transaction. All networks share one wire
 * (docs/decisions/0022-one-wire.md), so MACs and IP addresses are unique over all of them.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { Fault } from '#domain/faults.ts';
import { isIn, parseAddress, parseCidr } from '#domain/ip-addresses.ts';
import type { Network, Port } from '#domain/records.ts';
import type { ReservedRange } from '#domain/reserved-addresses.ts';
import { allocationOf, insertAllocation, isUniqueViolation } from '#store/ip-allocations.ts';
import type { Store } from '#store/store.ts';
import { chooseAddresses, type FixedIp, type WantedAddress } from './choose-addresses.ts';

export type NewPort = {
  network: Network;
  project_id: string;
  id?: string;
  name?: string;
  mac_address?: string;
  /** Absent: one address of each IP version that the network has. Empty: none. */
  fixed_ips?: readonly WantedAddress[];
  device_id?: string;
  device_owner?: string;
  admin_state_up?: boolean;
  description?: string;
  owned_by_server?: boolean;
  /** Addresses of the site, which no port gets: `siteRanges` of the settings. */
  reserved?: readonly ReservedRange[];
};

/**
 * Creates the port. Joins the caller's transaction where `store` is in one.
 * @throws Fault `ipAddressInUse`, `macAddressInUse`, `ipAddressGenerationFailure`, `invalidIpForNetwork`, `badRequest`
 */
export function allocatePort(store: Store, request: NewPort): Promise<Port> {
  return inTransaction(store, async (trx) => {
    const { network, fixed_ips: wanted, reserved = [] } = request;
    const mac_address = request.mac_address ?? (await newMac(trx));
    const fixed_ips = await chooseAddresses(trx, network.id, { wanted, reserved });
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
        device_owner: request.device_owner ?? '',
        admin_state_up: request.admin_state_up ?? true,
        status: 'DOWN',
        description: request.description ?? '',
        owned_by_server: request.owned_by_server ?? false,
        created_at: now,
        updated_at: now,
      }),
    );
    await takeAddresses(trx, port, fixed_ips);
    return port;
  });
}

/** Gives port, MAC and addresses back; a port that is gone already is no error. */
export async function releasePort(store: Store, id: string): Promise<void> {
  await store.ports.remove({ id });
}

export type PortChanges = { mac_address?: string; fixed_ips?: readonly WantedAddress[]; reserved?: readonly ReservedRange[] };

/** Changes MAC or addresses under the same rules; addresses the port has already may stay. */
export function readdressPort(store: Store, port: Port, changes: PortChanges): Promise<Port> {
  return inTransaction(store, async (trx) => {
    const { mac_address, fixed_ips: wanted, reserved = [] } = changes;
    if (wanted) await trx.ip_allocations.remove({ port_id: port.id });
    const patch = {
      ...(mac_address && { mac_address }),
      ...(wanted && { fixed_ips: await chooseAddresses(trx, port.network_id, { wanted, reserved }) }),
      updated_at: new Date().toISOString(),
    };
    await withUniqueMac(port.network_id, mac_address ?? '', () => trx.ports.update({ id: port.id }, patch));
    await takeAddresses(trx, port, patch.fixed_ips ?? []);
    return { ...port, ...patch };
  });
}

/** Does the address lie in the subnet? False for anything that is not an address or subnet. */
export function addressIsIn(address: string, cidr: string): boolean {
  const [value, range] = [parseAddress(address), parseCidr(cidr)];
  return value !== undefined && range !== undefined && isIn(value, range);
}

function inTransaction<R>(store: Store, work: (trx: Store) => Promise<R>): Promise<R> {
  return store.db.isTransaction ? work(store) : store.transaction(work);
}

/** The primary key decides who has an address, whatever was looked up before. */
async function takeAddresses(trx: Store, port: Port, fixed_ips: readonly FixedIp[]): Promise<void> {
  for (const fixed of fixed_ips) {
    const isTaken = !(await insertAllocation(trx, allocationOf(port.id, fixed)));
    if (isTaken) throw new Fault('ipAddressInUse', { address: fixed.ip_address, network: port.network_id });
  }
}

async function withUniqueMac<R>(network: string, mac: string, write: () => Promise<R>): Promise<R> {
  try {
    return await write();
  } catch (error) {
    if (isUniqueViolation(error, 'ports.mac_address')) throw new Fault('macAddressInUse', { mac, network });
    throw error;
  }
}

/** OpenStack's own prefix (it has no vendor behind it) and three random bytes. */
export async function newMac(trx: Store): Promise<string> {
  for (;;) {
    const mac = ['fa', '16', '3e', ...randomBytes(3).toString('hex').match(/../g)!].join(':');
    const isTaken = (await trx.ports.find({ mac_address: mac })) ?? (await trx.node_ports.find({ address: mac }));
    if (!isTaken) return mac;
  }
}

/** A MAC that a user chooses is not that of a machine's NIC: no server could get a port on that machine any more. */
export async function refuseMacOfNic(store: Store, mac: string, network: string): Promise<void> {
  if (await store.node_ports.find({ address: mac })) throw new Fault('macAddressInUse', { mac, network });
}
