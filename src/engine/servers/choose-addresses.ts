/** Chooses a port's addresses: the requested one if available, otherwise the lowest free one in a subnet's pools. */
import { Fault } from '#domain/faults.ts';
import {
  bitsOf,
  formatAddress,
  hostsOf,
  type IpAddress,
  type IpRange,
  isIn,
  parseAddress,
  parseCidr,
  without,
} from '#domain/ip-addresses.ts';
import { isReserved, type ReservedRange, whyUnusable } from '#domain/reserved-addresses.ts';
import type { Store } from '#store/store.ts';
import type { Port } from '#store/tables/ports.ts';
import type { Subnet } from '#store/tables/subnets.ts';
import { automaticAddress, isAutomatic, refuseChosen } from './automatic-addresses.ts';
import { heldAddresses } from './held-addresses.ts';

/** `subnet_id` alone: any free address in it; `ip_address` alone: in the subnet that contains it. */
export type WantedAddress = { subnet_id?: string; ip_address?: string; version?: 4 | 6 };
export type FixedIp = Port['fixed_ips'][number];

/** Neutron's default (`max_fixed_ips_per_port`). */
const maxFixedIps = 5;

type Choice = {
  wanted?: readonly WantedAddress[] | undefined;
  reserved: readonly ReservedRange[];
  /** Those that the port has, and may keep. */
  own?: readonly FixedIp[];
  isRouter?: boolean;
  /** Of the port: hosts of some subnets make their address of it. */
  mac: string;
  device_owner: string;
};

/** `barred`: addresses of the site, of all subnets' gateways, of machines that may still use them, and those already chosen for this port. */
type Pools = {
  store: Store;
  networkId: string;
  subnets: readonly Subnet[];
  barred: ReservedRange[];
  mac: string;
  isRouter: boolean;
};

/** Must run in the transaction that writes the result. @throws Fault as `allocatePort` */
export async function chooseAddresses(
  store: Store,
  networkId: string,
  { wanted, reserved, own = [], isRouter = false, mac, device_owner }: Choice,
): Promise<FixedIp[]> {
  if (wanted && wanted.length > maxFixedIps)
    throw new Fault('invalidInput', { detail: `Exceeded maximum amount of fixed ips per port: ${maxFixedIps}` });
  const all = await store.subnets.list({ network_id: networkId }, { orderBy: 'created_at' });
  const subnets = all.filter(({ service_types }) => service_types.length === 0 || service_types.includes(device_owner));
  if (all.length > 0 && subnets.length === 0 && wanted?.length !== 0) throw noSubnetFor(networkId);
  // A machine with the gateway's address would disrupt all others on the wire.
  const gateways = (await gatewaysBarred(store, isRouter ? networkId : undefined)).flatMap(({ gateway_ip }) =>
    singleRange(gateway_ip),
  );
  const barred = [...reserved, ...gateways, ...(await heldRanges(store, own))];
  const pools: Pools = { store, networkId, subnets, barred, mac, isRouter };
  const automatic = isRouter ? [] : subnets.filter(isAutomatic);
  const chosen: FixedIp[] = [];
  for (const one of wanted ?? oneOfEachVersion(subnets.filter((subnet) => !automatic.includes(subnet)))) {
    if (one.ip_address === undefined && automatic.some(({ id }) => id === one.subnet_id)) continue;
    const fixed = await choose(pools, one);
    pools.barred.push(...singleRange(fixed.ip_address));
    chosen.push(fixed);
  }
  // A host makes one in each such subnet, whether or not it is asked for.
  for (const subnet of automatic)
    if (!chosen.some(({ subnet_id }) => subnet_id === subnet.id)) chosen.push(ownAddress(pools, subnet));
  return chosen;
}

/** With Neutron's words. */
function noSubnetFor(network: string): Fault {
  const detail = `No valid service subnet for the given device owner, network: ${network}.`;
  return new Fault('conflict', { detail, type: 'IpAddressGenerationFailureNoMatchingSubnet' });
}

/** @throws Fault `ipAddressInUse` */
function ownAddress({ barred, mac, networkId }: Pools, subnet: Subnet): FixedIp {
  const fixed = automaticAddress(subnet, mac);
  if (isReserved(parseAddress(fixed.ip_address)!, barred))
    throw new Fault('ipAddressInUse', { address: fixed.ip_address, network: networkId });
  return fixed;
}

/** Of all subnets, except those of the network whose router it is for. */
async function gatewaysBarred(store: Store, but: string | undefined) {
  return (await store.subnets.pick(['gateway_ip', 'network_id'])).filter(({ network_id }) => network_id !== but);
}

function oneOfEachVersion(subnets: readonly Subnet[]): WantedAddress[] {
  return ([4, 6] as const).flatMap((version) => (subnets.some(({ ip_version }) => ip_version === version) ? [{ version }] : []));
}

function choose(pools: Pools, { subnet_id, ip_address, version }: WantedAddress): Promise<FixedIp> {
  const subnets = pools.subnets.filter(
    (subnet) => (subnet_id === undefined || subnet.id === subnet_id) && (version === undefined || subnet.ip_version === version),
  );
  if (subnet_id !== undefined && subnets.length === 0) {
    const detail = `Failed to create port on network ${pools.networkId}, because fixed_ips included invalid subnet ${subnet_id}`;
    throw new Fault('invalidInput', { detail });
  }
  return ip_address === undefined ? chooseAny(pools, subnets) : chooseExactly(pools, subnets, { subnet_id, ip_address });
}

/** Any host address of the subnet may be requested, even outside the pools. */
async function chooseExactly(pools: Pools, subnets: readonly Subnet[], wanted: WantedAddress): Promise<FixedIp> {
  const { subnet_id, ip_address: text = '' } = wanted;
  const address = parseAddress(text);
  if (!address) throw new Fault('badRequest', { detail: `'${text}' is not a valid IP address.` });
  const ip_address = formatAddress(address);
  const subnet = subnets.find((candidate) => isHostOf(address, candidate));
  if (!subnet) throw new Fault(subnet_id === undefined ? 'invalidIpForNetwork' : 'invalidIpForSubnet', { address: ip_address });
  if (isAutomatic(subnet) && !pools.isRouter) refuseChosen(subnet, { ip_address, mac: pools.mac });
  const isTaken = isReserved(address, pools.barred) || (await pools.store.ip_allocations.find({ ip_address })) !== undefined;
  if (isTaken) throw new Fault('ipAddressInUse', { address: ip_address, network: pools.networkId });
  return { subnet_id: subnet.id, ip_address };
}

/**
 * Excludes the network and broadcast address (IPv4) and the subnet-router anycast address (IPv6, RFC 4291 section
 * 2.6.1).
 */
function isHostOf(address: IpAddress, subnet: Subnet): boolean {
  const cidr = parseCidr(subnet.cidr);
  if (!cidr || !isIn(address, cidr)) return false;
  const hosts = hostsOf(cidr);
  const isUsable = whyUnusable({ version: address.version, first: address.value, last: address.value }) === undefined;
  return isUsable && hosts.first <= address.value && address.value <= hosts.last;
}

async function chooseAny({ store, networkId, barred, isRouter }: Pools, subnets: readonly Subnet[]): Promise<FixedIp> {
  for (const subnet of isRouter ? subnets : subnets.filter((each) => !isAutomatic(each))) {
    const version = subnet.ip_version;
    for (const range of subnet.allocation_pools.flatMap((pool) => hostRanges(subnet, pool, barred))) {
      const value = await store.ip_allocations.lowestFree(version, range);
      if (value !== undefined) return { subnet_id: subnet.id, ip_address: formatAddress({ version, value }) };
    }
  }
  throw new Fault('ipAddressGenerationFailure', { network: networkId });
}

/** The pool minus barred addresses; pools created under other settings or by an earlier version are trimmed here. */
function hostRanges(subnet: Subnet, pool: Subnet['allocation_pools'][number], barred: readonly ReservedRange[]): IpRange[] {
  const [cidr, start, end] = [parseCidr(subnet.cidr), parseAddress(pool.start), parseAddress(pool.end)];
  if (!cidr || !start || !end) return [];
  const hosts = hostsOf(cidr);
  const outside = [
    { version: cidr.version, first: 0n, last: hosts.first - 1n },
    { version: cidr.version, first: hosts.last + 1n, last: 1n << BigInt(bitsOf(cidr.version)) },
  ];
  return [...outside, ...barred]
    .filter(({ version, first, last }) => version === cidr.version && first <= last)
    .reduce<IpRange[]>(
      (ranges, hole) => ranges.flatMap((range) => without(range, hole)),
      [{ first: start.value, last: end.value }],
    )
    .filter(({ first, last }) => first <= last);
}

async function heldRanges(store: Store, own: readonly FixedIp[]): Promise<ReservedRange[]> {
  const kept = new Set(own.map(({ ip_address }) => ip_address));
  return (await heldAddresses(store)).filter((address) => !kept.has(address)).flatMap(singleRange);
}

function singleRange(text: string | null): ReservedRange[] {
  const address = text === null ? undefined : parseAddress(text);
  return address ? [{ version: address.version, first: address.value, last: address.value }] : [];
}
