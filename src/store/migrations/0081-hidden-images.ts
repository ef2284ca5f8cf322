/** Images that lists leave out. */
import type { Kysely, Migration } from 'kysely';

export const migration0081: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .alterTable('images')
      .addColumn('os_hidden', 'boolean', (column) => column.notNull().defaultTo(false))
      .execute();
  },
};
