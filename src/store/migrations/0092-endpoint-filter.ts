/** Which endpoints the catalogues of projects show: each on its own, or by groups. */
import type { Kysely, Migration } from 'kysely';

export const migration0092: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('endpoint_groups')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('name', 'text', (column) => column.notNull())
      .addColumn('description', 'text')
      .addColumn('filters', 'text', (column) => column.notNull())
      .execute();
    for (const noun of ['endpoint', 'endpoint_group'] as const) {
      await db.schema
        .createTable(`project_${noun}s`)
        .addColumn('project_id', 'text', (column) => column.notNull())
        .addColumn(`${noun}_id`, 'text', (column) => column.notNull())
        .addPrimaryKeyConstraint(`project_${noun}s_key`, ['project_id', `${noun}_id`])
        .execute();
      await db.schema.createIndex(`project_${noun}s_by_${noun}`).on(`project_${noun}s`).column(`${noun}_id`).execute();
    }
  },
};
