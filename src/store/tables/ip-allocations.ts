/** Allocated IP addresses. */

import { sql } from 'kysely';
import { type IpAddress, type IpRange, type IpVersion, parseAddress } from '#domain/ip-addresses.ts';
import { Collection } from '../collection.ts';
import type { Port } from './ports.ts';

/** The address of a network port. */
export type IpAllocation = {
  ip_address: string;
  /** Sorts in address order (`allocationKey`). */
  sort_key: string;
  subnet_id: string;
  port_id: string;
};

/** Fixed-width text, so that the database sorts addresses of both versions correctly. */
export function allocationKey({ version, value }: IpAddress): string {
  return `${version}:${value.toString(16).padStart(version === 4 ? 8 : 32, '0')}`;
}

export function allocationOf(port_id: string, { subnet_id, ip_address }: Port['fixed_ips'][number]): IpAllocation {
  const address = parseAddress(ip_address);
  return { ip_address, sort_key: address ? allocationKey(address) : ip_address, subnet_id, port_id };
}

/** The primary key makes an address unique across all networks. */
export class IpAllocations extends Collection<IpAllocation, { ip_allocations: IpAllocation }> {
  static override readonly table = { name: 'ip_allocations' };

  /**
   * The lowest free address of the range. A binary search over counts in the database's index, so that a dense range of
   * thousands is not read.
   */
  async lowestFree(version: IpVersion, range: IpRange): Promise<bigint | undefined> {
    const count = (first: bigint, last: bigint) => this.#countTaken(version, { first, last });
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

  /** Those without addresses are absent. */
  async countBySubnet(ids: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const used = new Map<string, number>();
    for (let at = 0; at < ids.length; at += 500) {
      const rows = await this.db
        .selectFrom('ip_allocations')
        .select(['subnet_id', sql<number>`count(*)`.as('used')])
        .where('subnet_id', 'in', ids.slice(at, at + 500))
        .groupBy('subnet_id')
        .execute();
      for (const row of rows) used.set(row.subnet_id, Number(row.used));
    }
    return used;
  }

  async #countTaken(version: IpVersion, { first, last }: IpRange): Promise<bigint> {
    const { taken } = await this.db
      .selectFrom('ip_allocations')
      .select(sql<number>`count(*)`.as('taken'))
      .where('sort_key', '>=', allocationKey({ version, value: first }))
      .where('sort_key', '<=', allocationKey({ version, value: last }))
      .executeTakeFirstOrThrow();
    return BigInt(taken);
  }
}
