/** The prefix of a new subnet: as given, or from a subnet pool (neutron/ipam/subnet_alloc.py). */
import { Fault } from '#domain/faults.ts';
import { formatCidr, type IpRange, parseCidr } from '#domain/ip-addresses.ts';
import { bestFit, difference, isSubset, united } from '#domain/prefix-sets.ts';
import { unusableRanges } from '#domain/reserved-addresses.ts';
import type { Store } from '#store/store.ts';
import type { SubnetPool } from '#store/tables/subnet-pools.ts';
import type { Subnet } from '#store/tables/subnets.ts';
import type { Caller } from '../caller.ts';
import { networkFault } from './errors.ts';
import { rangesOf } from './subnet-pool-plan.ts';
import { missingPool, scopeAffinity } from './subnet-pools.ts';
import { ownOrShared } from './visibility.ts';

export type PrefixRequest = {
  readonly ip_version: 4 | 6;
  readonly cidr?: string | null | undefined;
  readonly gateway_ip?: string | null | undefined;
  readonly allocation_pools?: readonly unknown[] | undefined;
  readonly prefixlen?: number | undefined;
  readonly subnetpool_id?: string | null | undefined;
  readonly use_default_subnetpool?: boolean | undefined;
};
type Known = Pick<Subnet, 'cidr' | 'network_id' | 'project_id' | 'ip_version' | 'subnetpool_id'>;
type Place = { readonly network_id: string; readonly project_id: string };
export type Given = {
  readonly request: PrefixRequest;
  readonly place: Place;
  /** All subnets. */
  readonly known: readonly Known[];
  /** `provisioning.cidr` */
  readonly provisioning: string;
};

const bad = (detail: string) => new Fault('badRequest', { detail: `Bad subnets request: ${detail}.`, type: 'BadRequest' });

/** Call in the transaction that creates the subnet. @throws Fault `badRequest`, `missing`, `conflict` */
export async function prefixFor(
  trx: Store,
  caller: Caller,
  given: Given,
): Promise<{ cidr: string; subnetpool_id: string | null }> {
  const { request } = given;
  const { cidr, prefixlen, allocation_pools } = request;
  if (cidr && prefixlen !== undefined) throw bad('cidr and prefixlen must not be supplied together');
  const pool = await poolFor(trx, caller, request);
  await refuseMixed(trx, pool, given);
  if (!pool) {
    if (!cidr) throw bad('a subnetpool must be specified in the absence of a cidr');
    return { cidr, subnetpool_id: null };
  }
  if (!cidr && allocation_pools) throw bad('allocation_pools allowed only for specific subnet requests');
  if (request.ip_version !== pool.ip_version)
    throw bad(`Cannot allocate IPv${request.ip_version} subnet from IPv${pool.ip_version} subnet pool`);
  return { cidr: allocate(pool, given), subnetpool_id: pool.id };
}

async function poolFor(trx: Store, caller: Caller, request: PrefixRequest): Promise<SubnetPool | undefined> {
  const { subnetpool_id: id, use_default_subnetpool, ip_version } = request;
  if (id && use_default_subnetpool) throw bad('subnetpool_id and use_default_subnetpool cannot both be specified');
  const visible = ownOrShared('subnetpool', caller);
  const where = id ? { column: 'id', values: [id] } : { column: 'is_default', values: [true] };
  if (!id && !use_default_subnetpool) return undefined;
  const pools = await trx.subnet_pools.list([...visible, { operator: 'oneOf', operand: where }]);
  const pool = id ? pools[0] : pools.find((each) => each.ip_version === ip_version);
  if (pool) return pool;
  throw id ? missingPool(id) : bad(`No default subnetpool found for IPv${ip_version}`);
}

/** The subnets of a network with the same IP version are of one pool, or of pools of one scope. @throws Fault `badRequest` */
async function refuseMixed(trx: Store, pool: SubnetPool | undefined, { request, place, known }: Given): Promise<void> {
  const version = pool?.ip_version ?? request.ip_version;
  const beside = known.filter(({ network_id, ip_version }) => network_id === place.network_id && ip_version === version);
  const ids = [...new Set(beside.map(({ subnetpool_id }) => subnetpool_id))];
  if (ids.length === 0 || (ids.length === 1 && ids[0] === (pool?.id ?? null))) return;
  const pools = await trx.subnet_pools.pick(['address_scope_id'], { id: ids.filter((id) => id !== null) });
  const scope = pools.find(({ address_scope_id }) => address_scope_id !== null)?.address_scope_id;
  if (scope && pool && pool.address_scope_id !== scope) throw scopeAffinity();
  if (scope && pool) return;
  const detail = 'Subnets hosted on the same network must be allocated from the same subnet pool.';
  throw networkFault('NetworkSubnetPoolAffinityError', detail);
}

function allocate(pool: SubnetPool, given: Given): string {
  const wanted = wantedOf(pool, given.request);
  const prefixlen = wanted?.prefix ?? given.request.prefixlen ?? pool.default_prefixlen;
  refuseLength(pool, prefixlen);
  refuseOverPoolQuota(pool, prefixlen, given);
  const { own, taken } = takenOf(pool, given);
  if (wanted) {
    const free = difference(rangesOf(pool.prefixes), own);
    if (isSubset([wanted], free)) return formatCidr(wanted);
    throw unallocated('Cannot allocate requested subnet from the available set of prefixes');
  }
  const found = bestFit(pool.ip_version, difference(rangesOf(pool.prefixes), taken), prefixlen);
  if (found) return found;
  throw unallocated(`Insufficient prefix space to allocate subnet size /${prefixlen}`);
}

/** The prefix that the request names, or that its gateway is in. @throws Fault `badRequest` */
function wantedOf(pool: SubnetPool, { cidr, gateway_ip, prefixlen = pool.default_prefixlen }: PrefixRequest) {
  if (!cidr && !gateway_ip) return undefined;
  const text = cidr ?? `${gateway_ip}/${prefixlen}`;
  const wanted = parseCidr(text);
  if (!wanted) throw new Fault('badRequest', { detail: `Invalid input for cidr: '${text}' is not a valid IP subnet.` });
  if (wanted.version !== pool.ip_version)
    throw bad(`Cannot allocate IPv${wanted.version} subnet from IPv${pool.ip_version} subnet pool`);
  return wanted;
}

function refuseLength({ min_prefixlen, max_prefixlen }: SubnetPool, prefixlen: number): void {
  const refuse = (kind: 'Max' | 'Min', word: string, bound: number) =>
    networkFault(
      `${kind}PrefixSubnetAllocationError`,
      `Unable to allocate subnet with prefix length ${prefixlen}, ${word} allowed prefix is ${bound}.`,
    );
  if (prefixlen > max_prefixlen) throw refuse('Max', 'maximum', max_prefixlen);
  if (prefixlen < min_prefixlen) throw refuse('Min', 'minimum', min_prefixlen);
}

/** In addresses of IPv4, in networks of 64 bits of IPv6. */
const unitTable = { 4: 32, 6: 64 } as const;

function refuseOverPoolQuota(pool: SubnetPool, prefixlen: number, { known, place }: Given): void {
  if (!pool.default_quota) return;
  const unitsOf = (length: number) => 2 ** (unitTable[pool.ip_version] - length);
  const used = known
    .filter(({ subnetpool_id, project_id }) => subnetpool_id === pool.id && project_id === place.project_id)
    .reduce((sum, { cidr }) => sum + unitsOf(parseCidr(cidr)?.prefix ?? 0), 0);
  if (used + unitsOf(prefixlen) > pool.default_quota)
    throw networkFault('SubnetPoolQuotaExceeded', 'Per-project subnet pool prefix quota exceeded.');
}

/** @returns what is allocated of the pool, and what no subnet may have: all networks are one wire */
function takenOf(pool: SubnetPool, { known, provisioning }: Given): { own: IpRange[]; taken: IpRange[] } {
  const here = known.filter(({ ip_version }) => ip_version === pool.ip_version);
  const site = parseCidr(provisioning);
  const own = united(here.filter(({ subnetpool_id }) => subnetpool_id === pool.id).map(({ cidr }) => parseCidr(cidr)!));
  const others = here.map(({ cidr }) => parseCidr(cidr)!);
  const ofSite = site?.version === pool.ip_version ? [site] : [];
  return { own, taken: united([...others, ...ofSite, ...unusableRanges(pool.ip_version)]) };
}

const unallocated = (reason: string) => networkFault('SubnetAllocationError', `Failed to allocate subnet: ${reason}.`);
