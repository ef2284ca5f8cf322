/** Names in DNS of ports and floating IPs, domains of networks. */
import type { Kysely, Migration } from 'kysely';

export const migration0161: Migration = {
  async up(db: Kysely<unknown>) {
    for (const [table, column] of [
      ['ports', 'dns_name'],
      ['networks', 'dns_domain'],
      ['floating_ips', 'dns_name'],
      ['floating_ips', 'dns_domain'],
    ] as const)
      await db.schema
        .alterTable(table)
        .addColumn(column, 'text', (definition) => definition.notNull().defaultTo(''))
        .execute();
  },
};
