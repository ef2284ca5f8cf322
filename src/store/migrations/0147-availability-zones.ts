/** Availability zones that networks and routers ask for. */
import type { Kysely, Migration } from 'kysely';

export const migration0147: Migration = {
  async up(db: Kysely<unknown>) {
    for (const table of ['networks', 'routers'])
      await db.schema
        .alterTable(table)
        .addColumn('availability_zone_hints', 'text', (column) => column.notNull().defaultTo('[]'))
        .execute();
  },
};
