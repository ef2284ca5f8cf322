/** Validates a subnet's fields together and computes defaults for missing ones. No I/O. */
import { Fault } from '#domain/faults.ts';
import {
  type Cidr,
  formatAddress,
  formatCidr,
  hostsOf,
  type IpRange,
  isIn,
  overlap,
  parseAddress,
  parseCidr,
  without,
} from '#domain/ip-addresses.ts';
import { isReserved, type ReservedRange, whyUnusable } from '#domain/reserved-addresses.ts';
import type { Subnet } from '#store/tables/subnets.ts';
import { type NetworkException, networkFault } from './errors.ts';

/** `pool`: addresses of the site's DHCP pool, which a gateway must not have either. */
export type Reserved = { site: readonly ReservedRange[]; pool: readonly ReservedRange[] };

export type Pool = Subnet['allocation_pools'][number];

export type SubnetPlan = Pick<Subnet, 'cidr' | 'gateway_ip' | 'allocation_pools' | 'dns_nameservers' | 'host_routes'>;

export type PlanRequest = {
  ip_version: 4 | 6;
  cidr: string;
  /** null = none; absent = the first address. */
  gateway_ip?: string | null | undefined;
  /** Absent = all host addresses but the gateway and the reserved ones. */
  allocation_pools?: readonly Pool[] | undefined;
  dns_nameservers?: readonly string[] | undefined;
  host_routes?: Subnet['host_routes'] | undefined;
};

/**
 * Returns addresses in canonical form. @throws Fault `badRequest` with the invalid field
 * @param reserved addresses of the site: no port may get them
 */
export function planSubnet(request: PlanRequest, reserved: Reserved = { site: [], pool: [] }): SubnetPlan {
  const cidr = readCidr(request);
  const holes = reserved.site.filter((range) => range.version === cidr.version && overlap(range, cidr));
  const gateway = readGateway(cidr, request.gateway_ip, reserved.pool);
  const { dns_nameservers = [], host_routes = [] } = request;
  checkCounts(dns_nameservers, host_routes);
  return {
    cidr: formatCidr(cidr),
    gateway_ip: gateway === undefined ? null : format(cidr, gateway),
    allocation_pools: request.allocation_pools
      ? readPools(cidr, gateway, request.allocation_pools, holes)
      : freeRanges(cidr, gateway, holes).map(({ first, last }) => ({ start: format(cidr, first), end: format(cidr, last) })),
    dns_nameservers: distinct(
      'dns_nameservers',
      dns_nameservers.map((text) => canonical('dns_nameservers', text, cidr)),
    ),
    host_routes: distinct(
      'host_routes',
      host_routes.map(({ destination, nexthop }) => ({
        destination: canonicalCidr('host_routes', destination, cidr),
        nexthop: canonical('host_routes', nexthop, cidr),
      })),
    ),
  };
}

type Place = Pick<Subnet, 'cidr' | 'network_id' | 'project_id'>;

/**
 * Subnets of one network must not overlap. All networks are one wire, so neither must those of different projects,
 * unless an administrator divides a subnet among them. The message is Neutron's and does not name the other's owner.
 */
export function refuseOverlap(wanted: Place, { others, isAdmin }: { others: readonly Place[]; isAdmin: boolean }): void {
  const range = parseCidr(wanted.cidr)!;
  const clash = others.some((other) => {
    const isDenied = other.network_id === wanted.network_id || (!isAdmin && other.project_id !== wanted.project_id);
    const taken = isDenied ? parseCidr(other.cidr) : undefined;
    return taken !== undefined && taken.version === range.version && overlap(taken, range);
  });
  if (clash) throw overlapFault(wanted.cidr, wanted.network_id);
}

/** Only administrators assign addresses of the provisioning network. */
export function refuseProvisioningSubnet(cidr: string, networkId: string, provisioning: string): void {
  const [wanted, own] = [parseCidr(cidr)!, parseCidr(provisioning)];
  if (own && own.version === wanted.version && overlap(own, wanted)) throw overlapFault(cidr, networkId);
}

function overlapFault(cidr: string, networkId: string): Fault {
  const detail = `Requested subnet with cidr: ${cidr} for network: ${networkId} overlaps with another subnet`;
  return new Fault('invalidInput', { detail });
}

function readCidr({ cidr: text, ip_version }: PlanRequest): Cidr {
  const cidr = parseCidr(text);
  if (!cidr) throw wrong('cidr', `'${text}' is not a valid IP subnet`);
  if (cidr.version !== ip_version) throw wrong('cidr', `'${text}' is not of ip_version ${ip_version}`);
  if (cidr.prefix === 0) throw wrong('cidr', '0 is not allowed as CIDR prefix length');
  const why = whyUnusable(cidr);
  if (why) throw wrong('cidr', `'${text}' has addresses that no host may have (${why})`);
  return cidr;
}

function readGateway(cidr: Cidr, text: string | null | undefined, pool: readonly ReservedRange[]): bigint | undefined {
  if (text === null) return undefined;
  const address = text === undefined ? { version: cidr.version, value: hostsOf(cidr).first } : readAddress('gateway_ip', text);
  const hosts = hostsOf(cidr);
  const isHost = isIn(address, cidr) && hosts.first <= address.value && address.value <= hosts.last;
  if (!isHost) throw wrong('gateway_ip', `${text} is not an address of a host in ${formatCidr(cidr)}`);
  if (isReserved(address, pool))
    throw wrong('gateway_ip', `${formatAddress(address)} is among the addresses of Ingot itself (provisioning.pool)`);
  return address.value;
}

function freeRanges(cidr: Cidr, gateway: bigint | undefined, holes: readonly IpRange[]): IpRange[] {
  const taken = gateway === undefined ? holes : [...holes, { first: gateway, last: gateway }];
  return taken.reduce((ranges, hole) => ranges.flatMap((range) => without(range, hole)), [hostsOf(cidr)]);
}

function readPools(cidr: Cidr, gateway: bigint | undefined, pools: readonly Pool[], holes: readonly IpRange[]): Pool[] {
  const hosts = hostsOf(cidr);
  const ranges = pools.map(({ start, end }): IpRange => {
    const [first, last] = [readAddress('allocation_pools', start), readAddress('allocation_pools', end)];
    const isInside = isIn(first, cidr) && isIn(last, cidr) && hosts.first <= first.value && last.value <= hosts.last;
    const invalid = (type: NetworkException, detail: string) => wrong('allocation_pools', `${start}-${end} ${detail}`, type);
    if (!isInside) throw invalid('OutOfBoundsAllocationPool', `is not a range of hosts in ${formatCidr(cidr)}`);
    if (first.value > last.value) throw invalid('InvalidAllocationPool', `is not a range of hosts in ${formatCidr(cidr)}`);
    if (gateway !== undefined && first.value <= gateway && gateway <= last.value)
      throw invalid('GatewayConflictWithAllocationPools', `contains the gateway ${format(cidr, gateway)}`);
    if (holes.some((hole) => overlap(hole, { first: first.value, last: last.value })))
      throw invalid('InvalidAllocationPool', 'contains addresses of Ingot itself (provisioning.address, provisioning.pool)');
    return { first: first.value, last: last.value };
  });
  const clash = ranges.some((range, index) => ranges.slice(index + 1).some((other) => overlap(range, other)));
  if (clash) throw wrong('allocation_pools', 'the pools overlap each other', 'OverlappingAllocationPools');
  return ranges.map(({ first, last }) => ({ start: format(cidr, first), end: format(cidr, last) }));
}

function readAddress(field: string, text: string) {
  const address = parseAddress(text);
  if (!address) throw wrong(field, `'${text}' is not a valid IP address`);
  return address;
}

function canonical(field: string, text: string, { version }: Cidr): string {
  const address = readAddress(field, text);
  if (address.version !== version) throw wrong(field, `'${text}' is not of ip_version ${version}`);
  return formatAddress(address);
}

function canonicalCidr(field: string, text: string, { version }: Cidr): string {
  const cidr = parseCidr(text);
  if (!cidr) throw wrong(field, `'${text}' is not a valid IP subnet`);
  if (cidr.version !== version) throw wrong(field, `'${text}' is not of ip_version ${version}`);
  return formatCidr(cidr);
}

function distinct<T>(field: string, items: T[]): T[] {
  const twin = items.find((item, index) => items.slice(0, index).some((other) => JSON.stringify(other) === JSON.stringify(item)));
  if (twin !== undefined) throw wrong(field, `${JSON.stringify(twin)} is there twice`);
  return items;
}

/** Neutron's defaults: `max_dns_nameservers`, `max_subnet_host_routes`. */
const maxNameservers = 5;
const maxHostRoutes = 20;

function checkCounts(nameservers: readonly unknown[], routes: readonly unknown[]): void {
  if (nameservers.length > maxNameservers)
    throw wrong('dns_nameservers', `there may be ${maxNameservers} of them`, 'DNSNameServersExhausted');
  if (routes.length > maxHostRoutes) throw wrong('host_routes', `there may be ${maxHostRoutes} of them`, 'HostRoutesExhausted');
}

function format({ version }: Cidr, value: bigint): string {
  return formatAddress({ version, value });
}

/** @param type Neutron's exception, if it is a specific one */
function wrong(field: string, detail: string, type?: NetworkException): Fault {
  const message = `Invalid input for ${field}: ${detail}.`;
  return type ? networkFault(type, message) : new Fault('badRequest', { detail: message });
}
