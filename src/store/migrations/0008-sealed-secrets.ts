/** Which key the secrets of this database are sealed with; empty = they are not sealed yet. */
import type { Kysely, Migration } from 'kysely';

export const migration0008: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('secrets_key')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('made_at', 'text', (column) => column.notNull())
      .addColumn('rewritten_at', 'text')
      .execute();
  },
};
