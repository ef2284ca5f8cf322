/** Users whose secrets are elsewhere: their rows come and go with what a directory or an identity provider says. */
import type { Kysely, Migration } from 'kysely';

export const migration0135: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .alterTable('users')
      .addColumn('origin', 'text', (column) => column.notNull().defaultTo('local'))
      .execute();
    await db.schema.createIndex('users_by_origin').on('users').column('origin').execute();
  },
};
