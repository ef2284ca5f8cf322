/** Failed logins, so that a restart does not allow further guesses. */
import type { Kysely, Migration } from 'kysely';

export const migration0043: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('failed_logins')
      .addColumn('kind', 'text', (column) => column.notNull())
      .addColumn('key', 'text', (column) => column.notNull())
      .addColumn('whole_at', 'text', (column) => column.notNull())
      .addPrimaryKeyConstraint('failed_logins_key', ['kind', 'key'])
      .execute();
    await db.schema.createIndex('failed_logins_by_end').on('failed_logins').column('whole_at').execute();
  },
};
