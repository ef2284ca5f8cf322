/** Metadata definitions of the image service. */
import type { Kysely, Migration } from 'kysely';

export const migration0100: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('metadef_namespaces')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('namespace', 'text', (column) => column.notNull().unique())
      .addColumn('display_name', 'text')
      .addColumn('description', 'text')
      .addColumn('visibility', 'text', (column) => column.notNull())
      .addColumn('protected', 'boolean', (column) => column.notNull())
      .addColumn('owner', 'text', (column) => column.notNull())
      .addColumn('created_at', 'text', (column) => column.notNull())
      .addColumn('updated_at', 'text', (column) => column.notNull())
      .execute();
    await db.schema
      .createTable('metadef_items')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('namespace_id', 'text', (column) => column.notNull().references('metadef_namespaces.id').onDelete('cascade'))
      .addColumn('kind', 'text', (column) => column.notNull())
      .addColumn('name', 'text', (column) => column.notNull())
      .addColumn('content', 'text', (column) => column.notNull())
      .addColumn('created_at', 'text', (column) => column.notNull())
      .addColumn('updated_at', 'text', (column) => column.notNull())
      .addUniqueConstraint('metadef_items_unique', ['namespace_id', 'kind', 'name'])
      .execute();
    await db.schema
      .createTable('metadef_resource_types')
      .addColumn('name', 'text', (column) => column.primaryKey())
      .addColumn('created_at', 'text', (column) => column.notNull())
      .addColumn('updated_at', 'text', (column) => column.notNull())
      .execute();
    for (const [table, name, columns] of [
      ['metadef_namespaces', 'created_at', ['created_at', 'id']],
      ['metadef_namespaces', 'owner', ['owner']],
      ['metadef_items', 'name', ['kind', 'name', 'namespace_id']],
    ] as const)
      await db.schema
        .createIndex(`${table}_by_${name}`)
        .on(table)
        .columns([...columns])
        .execute();
  },
};
