/** Tags of servers. */
import type { Kysely, Migration } from 'kysely';

export const migration0186: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .alterTable('servers')
      .addColumn('tags', 'text', (column) => column.notNull().defaultTo('[]'))
      .execute();
  },
};
