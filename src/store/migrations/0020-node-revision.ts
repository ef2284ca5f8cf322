/** A node's revision: what was learned from its BMC with the settings of another revision is about another machine. */
import type { Kysely, Migration } from 'kysely';

export const migration0020: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .alterTable('nodes')
      .addColumn('revision', 'integer', (column) => column.notNull().defaultTo(0))
      .execute();
  },
};
