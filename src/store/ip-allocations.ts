/** Allocated addresses: one row each, whose primary key makes an address unique across all networks. */
import { type Kysely, sql } from 'kysely';
import { Fault } from '#domain/faults.ts';
import { type IpAddress, type IpRange, type IpVersion, parseAddress } from '#domain/ip-addresses.ts';
import type { IpAllocation } from './tables/ip-allocations.ts';
import type { Port } from './tables/ports.ts';
import type { Tables } from './tables.ts';

type Database = { readonly db: Kysely<Tables> };

/** Fixed-width text, so that the database sorts addresses of both versions correctly. */
export function allocationKey({ version, value }: IpAddress): string {
  return `${version}:${value.toString(16).padStart(version === 4 ? 8 : 32, '0')}`;
}

export function allocationOf(port_id: string, { subnet_id, ip_address }: Port['fixed_ips'][number]): IpAllocation {
  const address = parseAddress(ip_address);
  return { ip_address, sort_key: address ? allocationKey(address) : ip_address, subnet_id, port_id };
}

/** Allocates the address; false if it is taken. */
export async function insertAllocation({ db }: Database, allocation: IpAllocation): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await db
    .insertInto('ip_allocations')
    .values(allocation)
    .onConflict((conflict) => conflict.column('ip_address').doNothing())
    .executeTakeFirst();
  return numInsertedOrUpdatedRows === 1n;
}

/**
 * The lowest free address of the range. A binary search over counts in the database's index, so that a dense range of
 * thousands is not read.
 */
export async function lowestFree(store: Database, version: IpVersion, range: IpRange): Promise<bigint | undefined> {
  const count = (first: bigint, last: bigint) => countTaken(store, version, { first, last });
  let { first: low, last: high } = range;
  const taken = await count(low, high);
  if (taken > high - low) return undefined;
  // With `taken` addresses in use, the lowest free one is at most `low + taken`.
  if (low + taken < high) high = low + taken;
  while (low < high) {
    const middle = (low + high) / 2n;
    if ((await count(low, middle)) > middle - low) low = middle + 1n;
    else high = middle;
  }
  return low;
}

async function countTaken({ db }: Database, version: IpVersion, { first, last }: IpRange): Promise<bigint> {
  const { taken } = await db
    .selectFrom('ip_allocations')
    .select(sql<number>`count(*)`.as('taken'))
    .where('sort_key', '>=', allocationKey({ version, value: first }))
    .where('sort_key', '<=', allocationKey({ version, value: last }))
    .executeTakeFirstOrThrow();
  return BigInt(taken);
}

/** True for the error that `Collection` throws on a violation of this column's unique index (`table.column`). */
export function isUniqueViolation(error: unknown, column: string): boolean {
  const cause = error instanceof Fault ? error.detail : undefined;
  return cause instanceof Error && cause.message.endsWith(`constraint failed: ${column}`);
}
