/** Validates the fields of a subnet pool together (neutron/ipam/subnet_alloc.py, `SubnetPoolReader`). No I/O. */
import { Fault } from '#domain/faults.ts';
import { bitsOf, type Cidr, type IpRange, parseCidr } from '#domain/ip-addresses.ts';
import { difference, isSubset, prefixesOf, united } from '#domain/prefix-sets.ts';
import type { SubnetPool } from '#store/tables/subnet-pools.ts';
import { networkFault } from './errors.ts';

/** Neutron has no limit. */
export const mostPrefixes = 100;

export type PoolPlan = Pick<SubnetPool, 'ip_version' | 'prefixes' | 'min_prefixlen' | 'max_prefixlen' | 'default_prefixlen'>;
export type PoolBounds = {
  readonly min_prefixlen?: number | undefined;
  readonly max_prefixlen?: number | undefined;
  readonly default_prefixlen?: number | undefined;
};
export type PlanRequest = PoolBounds & { readonly prefixes: readonly string[] };

const shortestTable = { 4: 8, 6: 64 } as const;

/** @throws Fault `badRequest` */
export function planPool(request: PlanRequest): PoolPlan {
  const cidrs = readPrefixes(request.prefixes);
  const ip_version = cidrs[0]?.version;
  if (ip_version === undefined) throw networkFault('EmptySubnetPoolPrefixList', 'Empty subnet pool prefix list.');
  if (cidrs.some(({ version }) => version !== ip_version))
    throw networkFault('PrefixVersionMismatch', 'Cannot mix IPv4 and IPv6 prefixes in a subnet pool.');
  const { min_prefixlen = shortestTable[ip_version], max_prefixlen = bitsOf(ip_version) } = request;
  const { default_prefixlen = min_prefixlen } = request;
  requireOrder(['min_prefixlen', min_prefixlen], ['max_prefixlen', max_prefixlen], min_prefixlen <= max_prefixlen);
  requireOrder(['max_prefixlen', max_prefixlen], ['ip_version_max', bitsOf(ip_version)], max_prefixlen <= bitsOf(ip_version));
  const given = ['default_prefixlen', default_prefixlen] as const;
  requireOrder(given, ['min_prefixlen', min_prefixlen], default_prefixlen >= min_prefixlen);
  requireOrder(given, ['max_prefixlen', max_prefixlen], default_prefixlen <= max_prefixlen);
  return { ip_version, prefixes: prefixesOf(ip_version, united(cidrs)), min_prefixlen, max_prefixlen, default_prefixlen };
}

type Bound = readonly [name: string, prefixlen: number];

function requireOrder([name, prefixlen]: Bound, [otherName, other]: Bound, isFulfilled: boolean): void {
  if (isFulfilled) return;
  const detail = `Illegal prefix bounds: ${name}=${prefixlen}, ${otherName}=${other}.`;
  throw networkFault('IllegalSubnetPoolPrefixBounds', detail);
}

function readPrefixes(texts: readonly string[]): Cidr[] {
  const cidrs = texts.map((text) => {
    const cidr = parseCidr(text);
    if (!cidr)
      throw new Fault('badRequest', { detail: `Invalid input for prefixes. Reason: '${text}' is not a valid IP subnet.` });
    return cidr;
  });
  return cidrs;
}

export const rangesOf = (prefixes: readonly string[]): IpRange[] => united(readPrefixes(prefixes));

const illegalUpdate = (detail: string) => networkFault('IllegalSubnetPoolPrefixUpdate', `Illegal update to prefixes: ${detail}.`);

/** A pool only grows by a change of its prefixes. @throws Fault `badRequest` */
export function refuseShrinking(prefixes: readonly string[], wanted: readonly string[]): void {
  if (!isSubset(rangesOf(prefixes), rangesOf(wanted)))
    throw illegalUpdate('Existing prefixes must be a subset of the new prefixes');
}

type Removal = { readonly pool: SubnetPool; readonly removed: readonly string[]; readonly allocated: readonly string[] };

/** @throws Fault `badRequest` if a subnet has addresses of what is removed */
export function prefixesWithout({ pool, removed, allocated }: Removal): string[] {
  const gone = readPrefixes(removed).filter(({ version }) => version === pool.ip_version);
  const holes = united(gone);
  const used = rangesOf(allocated);
  if (difference(used, holes).length !== used.length || !isSame(difference(used, holes), used))
    throw illegalUpdate('One or more the prefixes to be removed is in use by a subnet.');
  const left = difference(rangesOf(pool.prefixes), holes);
  return prefixesOf(pool.ip_version, left);
}

const isSame = (one: readonly IpRange[], other: readonly IpRange[]) =>
  one.length === other.length &&
  one.every(({ first, last }, index) => first === other[index]?.first && last === other[index]?.last);

/** @throws Fault `badRequest` */
export function refuseManyPrefixes(prefixes: readonly string[]): void {
  if (prefixes.length > mostPrefixes)
    throw new Fault('badRequest', { detail: `A subnet pool can have ${mostPrefixes} prefixes.` });
}
