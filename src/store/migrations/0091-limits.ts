/** Registered limits and limits; when tokens were revoked. */
import type { Kysely, Migration } from 'kysely';

export const migration0091: Migration = {
  async up(db: Kysely<unknown>) {
    const ofResource = (name: string) =>
      db.schema
        .createTable(name)
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('service_id', 'text', (column) => column.notNull())
        .addColumn('region_id', 'text')
        .addColumn('resource_name', 'text', (column) => column.notNull())
        .addColumn('description', 'text');
    await ofResource('registered_limits')
      .addColumn('default_limit', 'integer', (column) => column.notNull())
      .execute();
    await ofResource('limits')
      .addColumn('registered_limit_id', 'text', (column) => column.notNull())
      .addColumn('project_id', 'text')
      .addColumn('domain_id', 'text')
      .addColumn('resource_limit', 'integer', (column) => column.notNull())
      .execute();
    for (const [table, column] of [
      ['registered_limits', 'service_id'],
      ['limits', 'service_id'],
      ['limits', 'registered_limit_id'],
      ['limits', 'project_id'],
      ['limits', 'domain_id'],
    ] as const)
      await db.schema.createIndex(`${table}_by_${column}`).on(table).column(column).execute();
    // Those of before: not known.
    await db.schema
      .alterTable('revoked_tokens')
      .addColumn('revoked_at', 'text', (column) => column.notNull().defaultTo(''))
      .execute();
  },
};
