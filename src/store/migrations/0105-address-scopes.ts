/** Address scopes. */
import type { Kysely, Migration } from 'kysely';

export const migration0105: Migration = {
  async up(db: Kysely<unknown>) {
    await ['project_id', 'description', 'created_at', 'updated_at', 'name']
      .reduce(
        (table, column) => table.addColumn(column, 'text', (definition) => definition.notNull()),
        db.schema.createTable('address_scopes'),
      )
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('revision_number', 'integer', (column) => column.notNull().defaultTo(1))
      .addColumn('ip_version', 'integer', (column) => column.notNull())
      .execute();
    for (const [name, columns] of [
      ['created_at', ['created_at', 'id']],
      ['project', ['project_id']],
    ] as const)
      await db.schema
        .createIndex(`address_scopes_by_${name}`)
        .on('address_scopes')
        .columns([...columns])
        .execute();
  },
};
