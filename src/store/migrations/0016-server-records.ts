/** Which of several servers of one request a server is, and what the machine printed of a deployment that failed. */
import type { Kysely, Migration } from 'kysely';

export const migration0016: Migration = {
  async up(db: Kysely<unknown>) {
    const addIndex = db.schema
      .alterTable('servers')
      .addColumn('launch_index', 'integer', (column) => column.notNull().defaultTo(0));
    await addIndex.execute();
    await db.schema.alterTable('servers').addColumn('console_log', 'text').execute();
  },
};
