/** Service types of subnets, and DHCP options of ports. */
import type { Kysely, Migration } from 'kysely';

export const migration0149: Migration = {
  async up(db: Kysely<unknown>) {
    for (const [table, column] of [
      ['subnets', 'service_types'],
      ['ports', 'extra_dhcp_opts'],
    ] as const)
      await db.schema
        .alterTable(table)
        .addColumn(column, 'text', (definition) => definition.notNull().defaultTo('[]'))
        .execute();
  },
};
