/** Options of users: which methods a login needs, and others. */
import type { Kysely, Migration } from 'kysely';

export const migration0074: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .alterTable('users')
      .addColumn('options', 'text', (column) => column.notNull().defaultTo('{}'))
      .execute();
  },
};
