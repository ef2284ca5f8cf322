/** How hosts of an IPv6 subnet get their addresses. */
import type { Kysely, Migration } from 'kysely';

export const migration0148: Migration = {
  async up(db: Kysely<unknown>) {
    for (const name of ['ipv6_address_mode', 'ipv6_ra_mode'])
      await db.schema.alterTable('subnets').addColumn(name, 'text').execute();
  },
};
