/** Network ports and their addresses: unique MACs and IPs, taken and given back in one transaction. */
import { randomBytes, randomUUID } from 'node:crypto';
import { Fault } from '#domain/faults.ts';
import { firstFree, formatAddress, type IpRange, isIn, parseAddress, parseCidr } from '#domain/ip-addresses.ts';
import type { Network, Port, Subnet } from '#domain/records.ts';
import type { Store } from '#store/store.ts';

/** `subnet_id` alone: any free address of it; `ip_address` alone: the subnet it lies in. */
export type WantedAddress = { subnet_id?: string; ip_address?: string };
export type FixedIp = Port['fixed_ips'][number];

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
};

/**
 * Creates the port. Joins the caller's transaction where `store` is in one.
 * @throws Fault `ipAddressInUse`, `macAddressInUse`, `ipAddressGenerationFailure`, `badRequest`
 */
export function allocatePort(store: Store, request: NewPort): Promise<Port> {
  return inTransaction(store, async (inside) => {
    const { network } = request;
    const mac_address = request.mac_address ?? (await newMac(inside, network.id));
    if (request.mac_address) await refuseTakenMac(inside, network.id, mac_address);
    const now = new Date().toISOString();
    return inside.ports.insert({
      id: request.id ?? randomUUID(),
      name: request.name ?? '',
      network_id: network.id,
      project_id: request.project_id,
      mac_address,
      fixed_ips: await chooseAddresses(inside, network.id, { wanted: request.fixed_ips }),
      device_id: request.device_id ?? '',
      device_owner: request.device_owner ?? '',
      admin_state_up: request.admin_state_up ?? true,
      status: 'DOWN',
      description: request.description ?? '',
      owned_by_server: request.owned_by_server ?? false,
      created_at: now,
      updated_at: now,
    });
  });
}

/** Gives port, MAC and addresses back; a port that is gone already is no error. */
export async function releasePort(store: Store, id: string): Promise<void> {
  await store.ports.remove({ id });
}

export type PortChanges = { mac_address?: string; fixed_ips?: readonly WantedAddress[] };

/** Changes MAC or addresses under the same rules; addresses the port has already may stay. */
export function readdressPort(store: Store, port: Port, changes: PortChanges): Promise<Port> {
  return inTransaction(store, async (inside) => {
    const { mac_address, fixed_ips: wanted } = changes;
    if (mac_address && mac_address !== port.mac_address) await refuseTakenMac(inside, port.network_id, mac_address);
    const patch = {
      ...(mac_address && { mac_address }),
      ...(wanted && { fixed_ips: await chooseAddresses(inside, port.network_id, { wanted, except: port.id }) }),
      updated_at: new Date().toISOString(),
    };
    await inside.ports.update({ id: port.id }, patch);
    return { ...port, ...patch };
  });
}

/** Does the address lie in the subnet? False for anything that is not an address or subnet. */
export function addressIsIn(address: string, cidr: string): boolean {
  const [value, range] = [parseAddress(address), parseCidr(cidr)];
  return value !== undefined && range !== undefined && isIn(value, range);
}

function inTransaction<R>(store: Store, work: (inside: Store) => Promise<R>): Promise<R> {
  return store.db.isTransaction ? work(store) : store.transaction(work);
}

type Choice = { wanted?: readonly WantedAddress[] | undefined /** A port whose addresses count as free. */; except?: string };

async function chooseAddresses(inside: Store, networkId: string, { wanted, except }: Choice): Promise<FixedIp[]> {
  const subnets = await inside.subnets.list({ network_id: networkId }, { orderBy: 'created_at' });
  const others = (await inside.ports.list({ network_id: networkId })).filter((port) => port.id !== except);
  // Two machines with the router's address would cut off all others.
  const gateways = subnets.flatMap(({ gateway_ip }) => gateway_ip ?? []);
  const taken = new Set([...gateways, ...others.flatMap((port) => port.fixed_ips.map((fixed) => fixed.ip_address))]);
  const take = (fixed: FixedIp): FixedIp => {
    taken.add(fixed.ip_address);
    return fixed;
  };
  const pools = { subnets, taken, networkId };
  if (wanted) return wanted.map((one) => take(chooseWanted(pools, one)));
  return ([4, 6] as const)
    .map((version) => subnets.filter((subnet) => subnet.ip_version === version))
    .filter((candidates) => candidates.length > 0)
    .map((candidates) => take(chooseAny(pools, candidates)));
}

type Pools = { subnets: readonly Subnet[]; taken: ReadonlySet<string>; networkId: string };

function chooseWanted(pools: Pools, { subnet_id, ip_address }: WantedAddress): FixedIp {
  const named = subnet_id === undefined ? pools.subnets : pools.subnets.filter((subnet) => subnet.id === subnet_id);
  if (subnet_id !== undefined && named.length === 0)
    throw new Fault('badRequest', { detail: `Subnet ${subnet_id} is not on network ${pools.networkId}.` });
  return ip_address === undefined ? chooseAny(pools, named) : chooseExactly(pools, named, ip_address);
}

/** Any address of the subnet may be asked for, also one outside the pools. */
function chooseExactly({ taken, networkId }: Pools, subnets: readonly Subnet[], text: string): FixedIp {
  const address = parseAddress(text);
  if (!address) throw new Fault('badRequest', { detail: `'${text}' is not a valid IP address.` });
  const ip_address = formatAddress(address);
  const subnet = subnets.find((candidate) => addressIsIn(ip_address, candidate.cidr));
  if (!subnet)
    throw new Fault('badRequest', {
      detail: `IP address ${ip_address} is not a valid IP for any of the subnets of network ${networkId}.`,
    });
  if (taken.has(ip_address)) throw new Fault('ipAddressInUse', { address: ip_address, network: networkId });
  return { subnet_id: subnet.id, ip_address };
}

function chooseAny({ taken, networkId }: Pools, subnets: readonly Subnet[]): FixedIp {
  for (const subnet of subnets) {
    const version = subnet.ip_version;
    const free = firstFree(subnet.allocation_pools.map(rangeOf), (value) => taken.has(formatAddress({ version, value })));
    if (free !== undefined) return { subnet_id: subnet.id, ip_address: formatAddress({ version, value: free }) };
  }
  throw new Fault('ipAddressGenerationFailure', { network: networkId });
}

function rangeOf({ start, end }: { start: string; end: string }): IpRange {
  return { first: parseAddress(start)?.value ?? 1n, last: parseAddress(end)?.value ?? 0n };
}

/** OpenStack's own prefix (it has no vendor behind it) and three random bytes. */
export async function newMac(inside: Store, networkId: string): Promise<string> {
  for (;;) {
    const mac = ['fa', '16', '3e', ...randomBytes(3).toString('hex').match(/../g)!].join(':');
    if (!(await inside.ports.find({ network_id: networkId, mac_address: mac }))) return mac;
  }
}

async function refuseTakenMac(inside: Store, networkId: string, mac: string): Promise<void> {
  if (await inside.ports.find({ network_id: networkId, mac_address: mac }))
    throw new Fault('macAddressInUse', { mac, network: networkId });
}
