/** Subnet pools: prefixes from which subnets get theirs (neutron/db/db_base_plugin_v2.py). */
import { randomUUID } from 'node:crypto';
import { Fault } from '#domain/faults.ts';
import { difference } from '#domain/prefix-sets.ts';
import type { Store } from '#store/store.ts';
import type { SubnetPool } from '#store/tables/subnet-pools.ts';
import type { Caller } from '../caller.ts';
import { missingAddressScope } from './address-scopes.ts';
import type { NetworkContext } from './context.ts';
import { networkFault } from './errors.ts';
import { refuseOver } from './quotas.ts';
import { shareWithAll } from './rbac-policies.ts';
import {
  type PlanRequest,
  type PoolBounds,
  type PoolPlan,
  planPool,
  prefixesWithout,
  rangesOf,
  refuseManyPrefixes,
  refuseShrinking,
} from './subnet-pool-plan.ts';
import { ownerOf } from './visibility.ts';

/** Neutron has no limit for them. */
const mostPools = 50;

export type PoolChanges = PoolBounds & {
  readonly name?: string | undefined;
  readonly description?: string | undefined;
  readonly prefixes?: readonly string[] | undefined;
  readonly default_quota?: number | undefined;
  readonly address_scope_id?: string | null | undefined;
  readonly is_default?: boolean | undefined;
};
export type NewPool = PoolChanges &
  PlanRequest & {
    readonly shared?: boolean | undefined;
    readonly project_id?: string | undefined;
    readonly tenant_id?: string | undefined;
  };

export const missingPool = (id: string): Fault => networkFault('SubnetPoolNotFound', `Subnet pool ${id} could not be found.`);

/** @throws Fault `forbidden`, `overQuota`, `badRequest`, `invalidInput`, `missing`, `conflict` */
export async function createPool({ store }: NetworkContext, caller: Caller, request: NewPool): Promise<SubnetPool> {
  const project_id = ownerOf(caller, request);
  const plan = planPool(request);
  const { name = '', description = '', default_quota = null, address_scope_id = null, is_default = false } = request;
  const now = new Date().toISOString();
  const stamps = { id: randomUUID(), project_id, created_at: now, updated_at: now };
  return store.transaction(async (trx) => {
    await refuseOver(trx, 'subnetpool', { project_id });
    if ((await trx.subnet_pools.count({ project_id })) >= mostPools) throw new Fault('overQuota', { what: 'subnetpool' });
    const row = { ...stamps, ...plan, name, description, default_quota, address_scope_id, is_default };
    if (is_default) await refuseSecondDefault(trx, plan.ip_version);
    if (address_scope_id !== null) await refuseScope(trx, caller, { ...row, address_scope_id });
    const pool = await trx.subnet_pools.insert(row);
    if (request.shared) await shareWithAll(trx, 'subnetpool', pool);
    return pool;
  });
}

async function refuseSecondDefault(trx: Store, ip_version: 4 | 6): Promise<void> {
  if ((await trx.subnet_pools.count({ ip_version, is_default: true })) === 0) return;
  const detail = 'A default subnetpool for this IP family has already been set. Only one default may exist per IP family';
  throw new Fault('invalidInput', { detail });
}

type Scoped = PoolPlan & { readonly id: string; readonly address_scope_id: string };

/** @throws Fault `missing`, `badRequest`, `conflict` if another pool of the scope has some of the addresses */
async function refuseScope(trx: Store, caller: Caller, { id, address_scope_id, ip_version, prefixes }: Scoped): Promise<void> {
  const scope = await trx.address_scopes.find({ id: address_scope_id });
  if (!scope) throw missingAddressScope(address_scope_id);
  const shared = await trx.rbac_policies.sharedAmong([scope.id], caller.project_id);
  // Who may not see it is not told that it is there.
  if (!caller.is_admin && scope.project_id !== caller.project_id && !shared.has(scope.id)) throw missingAddressScope(scope.id);
  if (scope.ip_version !== ip_version)
    throw networkFault(
      'IllegalSubnetPoolIpVersionAssociationToAddressScope',
      `Illegal subnetpool association: subnetpool ${id} cannot associate with address scope ${scope.id} because subnetpool ip_version is not ${scope.ip_version}.`,
    );
  await refuseDivided(trx, { id, ip_version });
  const pools = await trx.subnet_pools.pick(['id', 'prefixes'], { address_scope_id });
  const others = pools.filter((pool) => pool.id !== id).flatMap((pool) => pool.prefixes);
  const own = rangesOf(prefixes);
  const left = difference(own, rangesOf(others));
  if (sizeOf(left) !== sizeOf(own))
    throw networkFault(
      'AddressScopePrefixConflict',
      'Failed to associate address scope: subnetpools within an address scope must have unique prefixes.',
    );
}

const sizeOf = (ranges: readonly { first: bigint; last: bigint }[]) =>
  ranges.reduce((sum, { first, last }) => sum + last - first + 1n, 0n);

/** All subnets of a network are in the same scope. @throws Fault `badRequest` if some would no longer be */
async function refuseDivided(trx: Store, { id, ip_version }: Pick<SubnetPool, 'id' | 'ip_version'>): Promise<void> {
  const own = await trx.subnets.pick(['network_id'], { subnetpool_id: id });
  if (own.length === 0) return;
  const network_id = [...new Set(own.map((subnet) => subnet.network_id))];
  const all = await trx.subnets.pick(['subnetpool_id'], { network_id, ip_version });
  if (all.some(({ subnetpool_id }) => subnetpool_id !== id)) throw scopeAffinity();
}

export const scopeAffinity = (): Fault =>
  networkFault(
    'NetworkAddressScopeAffinityError',
    'Subnets of the same address family hosted on the same network must all participate in the same address scope.',
  );

/** @throws Fault `badRequest`, `invalidInput`, `missing`, `conflict` */
export async function updatePool({ store }: NetworkContext, caller: Caller, { id }: SubnetPool, changes: PoolChanges) {
  await store.transaction(async (trx) => {
    const pool = await trx.subnet_pools.find({ id });
    if (!pool) throw missingPool(id);
    if (changes.prefixes) refuseShrinking(pool.prefixes, changes.prefixes);
    const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined)) as Partial<SubnetPool>;
    const changed = { ...pool, ...given };
    const row: SubnetPool = { ...changed, ...planPool(changed), updated_at: new Date().toISOString() };
    if (row.is_default && !pool.is_default) await refuseSecondDefault(trx, row.ip_version);
    if (pool.address_scope_id !== null)
      await refuseForeignScope(trx, caller, { ...pool, address_scope_id: pool.address_scope_id });
    const { address_scope_id } = row;
    if (address_scope_id !== null) await refuseScope(trx, caller, { ...row, address_scope_id });
    await trx.subnet_pools.update({ id }, row);
  });
}

/** @throws Fault `badRequest` for a pool in a scope that only another project may change */
async function refuseForeignScope(trx: Store, caller: Caller, { id, address_scope_id }: Scoped): Promise<void> {
  const scope = await trx.address_scopes.find({ id: address_scope_id });
  if (caller.is_admin || !scope || scope.project_id === caller.project_id) return;
  const reason = `subnetpool ${id} cannot be updated when associated with shared address scope ${address_scope_id}`;
  throw networkFault('IllegalSubnetPoolUpdate', `Illegal subnetpool update : ${reason}.`);
}

/** Call in the transaction that has read the pool. @throws Fault as `updatePool` */
export async function addPrefixes(context: NetworkContext, caller: Caller, pool: SubnetPool, prefixes: readonly string[]) {
  const { prefixes: next } = planPool({ ...pool, prefixes: [...pool.prefixes, ...prefixes] });
  refuseManyPrefixes(next);
  await updatePool(context, caller, pool, { prefixes: next });
}

/** Call in the transaction that has read the pool. @throws Fault `badRequest` */
export async function removePrefixes({ store }: NetworkContext, pool: SubnetPool, removed: readonly string[]): Promise<void> {
  const allocated = (await store.subnets.pick(['cidr'], { subnetpool_id: pool.id })).map(({ cidr }) => cidr);
  const prefixes = prefixesWithout({ pool, removed, allocated });
  refuseManyPrefixes(prefixes);
  await store.subnet_pools.update({ id: pool.id }, { prefixes, updated_at: new Date().toISOString() });
}

/** @throws Fault `badRequest` while a subnet has addresses of it */
export async function deletePool({ store }: NetworkContext, { id }: SubnetPool): Promise<void> {
  await store.transaction(async (trx) => {
    if ((await trx.subnets.count({ subnetpool_id: id })) > 0)
      throw networkFault('SubnetPoolDeleteError', 'Unable to delete subnet pool: Subnet pool has existing allocations.');
    await trx.rbac_policies.remove({ object_id: id });
    await trx.subnet_pools.remove({ id });
  });
}
