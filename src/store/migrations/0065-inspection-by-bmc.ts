/** The interface by which a node is inspected, and what its BMC reported. */
import type { Kysely, Migration } from 'kysely';

export const migration0065: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .alterTable('nodes')
      .addColumn('inspect_interface', 'text', (column) => column.notNull().defaultTo('agent'))
      .execute();
    await db.schema.alterTable('nodes').addColumn('found_hardware', 'text').execute();
  },
};
