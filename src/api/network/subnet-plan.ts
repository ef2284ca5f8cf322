/** What a subnet's fields must be to fit together, and the values of those that were not given. No I/O. */
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
import type { Subnet } from '#domain/records.ts';

export type Pool = Subnet['allocation_pools'][number];

export type SubnetPlan = Pick<Subnet, 'cidr' | 'gateway_ip' | 'allocation_pools' | 'dns_nameservers' | 'host_routes'>;

export type PlanRequest = {
  ip_version: 4 | 6;
  cidr: string;
  /** null = none; absent = the first address. */
  gateway_ip?: string | null;
  /** Absent = all host addresses but the gateway and the reserved ones. */
  allocation_pools?: readonly Pool[];
  dns_nameservers?: readonly string[];
  host_routes?: Subnet['host_routes'];
};

/**
 * Addresses come back in canonical form. @throws Fault `badRequest` with the field that is wrong
 * @param reserved addresses that Ingot has or gives itself: no port may get them
 */
export function planSubnet(request: PlanRequest, reserved: readonly Pool[] = []): SubnetPlan {
  const cidr = readCidr(request);
  const holes = reserved.flatMap((pool) => rangeIn(cidr, pool));
  const gateway = readGateway(cidr, request.gateway_ip);
  return {
    cidr: formatCidr(cidr),
    gateway_ip: gateway === undefined ? null : format(cidr, gateway),
    allocation_pools: request.allocation_pools
      ? readPools(cidr, gateway, request.allocation_pools, holes)
      : freeRanges(cidr, gateway, holes).map(({ first, last }) => ({ start: format(cidr, first), end: format(cidr, last) })),
    dns_nameservers: (request.dns_nameservers ?? []).map((text) => canonical('dns_nameservers', text)),
    host_routes: (request.host_routes ?? []).map(({ destination, nexthop }) => ({
      destination: canonicalCidr('host_routes', destination),
      nexthop: canonical('host_routes', nexthop),
    })),
  };
}

/** Subnets of one network may not share addresses. */
export function refuseOverlap(cidr: string, others: readonly Subnet[]): void {
  const range = parseCidr(cidr)!;
  const other = others.find((subnet) => {
    const taken = parseCidr(subnet.cidr)!;
    return taken.version === range.version && overlap(taken, range);
  });
  if (other) throw wrong('cidr', `${cidr} overlaps with subnet ${other.id} (${other.cidr})`);
}

function readCidr({ cidr: text, ip_version }: PlanRequest): Cidr {
  const cidr = parseCidr(text);
  if (!cidr) throw wrong('cidr', `'${text}' is not a valid IP subnet`);
  if (cidr.version !== ip_version) throw wrong('cidr', `'${text}' is not of ip_version ${ip_version}`);
  const base = parseAddress(text.split('/')[0]!)!;
  if (base.value !== cidr.first) throw wrong('cidr', `'${text}' is not a valid IP subnet, '${formatCidr(cidr)}' is recommended`);
  return cidr;
}

function readGateway(cidr: Cidr, text: string | null | undefined): bigint | undefined {
  if (text === null) return undefined;
  if (text === undefined) return hostsOf(cidr).first;
  const address = readAddress('gateway_ip', text);
  const hosts = hostsOf(cidr);
  const isHost = isIn(address, cidr) && hosts.first <= address.value && address.value <= hosts.last;
  if (!isHost) throw wrong('gateway_ip', `${text} is not an address of a host in ${formatCidr(cidr)}`);
  return address.value;
}

function freeRanges(cidr: Cidr, gateway: bigint | undefined, holes: readonly IpRange[]): IpRange[] {
  const taken = gateway === undefined ? holes : [...holes, { first: gateway, last: gateway }];
  return taken.reduce((ranges, hole) => ranges.flatMap((range) => without(range, hole)), [hostsOf(cidr)]);
}

/** The range as far as it concerns a subnet: none where it lies elsewhere. */
function rangeIn(cidr: Cidr, { start, end }: Pool): IpRange[] {
  const [first, last] = [parseAddress(start), parseAddress(end)];
  return first && last && isIn(first, cidr) && isIn(last, cidr) ? [{ first: first.value, last: last.value }] : [];
}

function readPools(cidr: Cidr, gateway: bigint | undefined, pools: readonly Pool[], holes: readonly IpRange[]): Pool[] {
  const hosts = hostsOf(cidr);
  const ranges = pools.map(({ start, end }): IpRange => {
    const [first, last] = [readAddress('allocation_pools', start), readAddress('allocation_pools', end)];
    const isInside = isIn(first, cidr) && isIn(last, cidr) && hosts.first <= first.value && last.value <= hosts.last;
    if (!isInside || first.value > last.value)
      throw wrong('allocation_pools', `${start}-${end} is not a range of hosts in ${formatCidr(cidr)}`);
    if (gateway !== undefined && first.value <= gateway && gateway <= last.value)
      throw wrong('allocation_pools', `${start}-${end} contains the gateway ${format(cidr, gateway)}`);
    if (holes.some((hole) => overlap(hole, { first: first.value, last: last.value })))
      throw wrong(
        'allocation_pools',
        `${start}-${end} contains addresses of Ingot itself (provisioning.address, provisioning.pool)`,
      );
    return { first: first.value, last: last.value };
  });
  const clash = ranges.some((range, index) => ranges.slice(index + 1).some((other) => overlap(range, other)));
  if (clash) throw wrong('allocation_pools', 'the pools overlap each other');
  return ranges.map(({ first, last }) => ({ start: format(cidr, first), end: format(cidr, last) }));
}

function readAddress(field: string, text: string) {
  const address = parseAddress(text);
  if (!address) throw wrong(field, `'${text}' is not a valid IP address`);
  return address;
}

function canonical(field: string, text: string): string {
  return formatAddress(readAddress(field, text));
}

function canonicalCidr(field: string, text: string): string {
  const cidr = parseCidr(text);
  if (!cidr) throw wrong(field, `'${text}' is not a valid IP subnet`);
  return formatCidr(cidr);
}

function format({ version }: Cidr, value: bigint): string {
  return formatAddress({ version, value });
}

function wrong(field: string, detail: string): Fault {
  return new Fault('badRequest', { detail: `Invalid input for ${field}: ${detail}.` });
}
