/** Application credentials whose tokens may manage others. */
import { type Kysely, type Migration, sql } from 'kysely';

export const migration0131: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .alterTable('application_credentials')
      .addColumn('unrestricted', 'boolean', (column) => column.notNull().defaultTo(sql`FALSE`))
      .execute();
  },
};
