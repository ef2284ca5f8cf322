/** Tags and revisions of networks, subnets and ports; quotas of projects that differ from the defaults. */
import type { Kysely, Migration } from 'kysely';

export const migration0086: Migration = {
  async up(db: Kysely<unknown>) {
    for (const table of ['networks', 'subnets', 'ports']) {
      await db.schema
        .alterTable(table)
        .addColumn('tags', 'text', (column) => column.notNull().defaultTo('[]'))
        .execute();
      await db.schema
        .alterTable(table)
        .addColumn('revision_number', 'integer', (column) => column.notNull().defaultTo(1))
        .execute();
    }
    await db.schema
      .createTable('network_quotas')
      .addColumn('project_id', 'text', (column) => column.notNull())
      .addColumn('resource', 'text', (column) => column.notNull())
      .addColumn('most', 'integer', (column) => column.notNull())
      .addPrimaryKeyConstraint('network_quotas_key', ['project_id', 'resource'])
      .execute();
  },
};
