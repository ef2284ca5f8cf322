/** Trunks: ports that carry the traffic of others by VLAN. */
import { type Kysely, type Migration, sql } from 'kysely';

export const migration0111: Migration = {
  async up(db: Kysely<unknown>) {
    await ['name', 'project_id', 'description', 'created_at', 'updated_at']
      .reduce((table, column) => table.addColumn(column, 'text', (each) => each.notNull()), db.schema.createTable('trunks'))
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('tags', 'text', (column) => column.notNull().defaultTo('[]'))
      .addColumn('revision_number', 'integer', (column) => column.notNull().defaultTo(1))
      .addColumn('admin_state_up', 'boolean', (column) => column.notNull().defaultTo(sql`TRUE`))
      .addColumn('port_id', 'text', (column) => column.notNull().unique().references('ports.id').onDelete('cascade'))
      .execute();
    await db.schema
      .createTable('trunk_subports')
      .addColumn('port_id', 'text', (column) => column.primaryKey().references('ports.id').onDelete('cascade'))
      .addColumn('trunk_id', 'text', (column) => column.notNull().references('trunks.id').onDelete('cascade'))
      .addColumn('segmentation_type', 'text', (column) => column.notNull())
      .addColumn('segmentation_id', 'integer', (column) => column.notNull())
      .addUniqueConstraint('trunk_subports_key', ['trunk_id', 'segmentation_type', 'segmentation_id'])
      .execute();
    for (const [name, columns] of [
      ['created_at', ['created_at', 'id']],
      ['project', ['project_id']],
    ] as const)
      await db.schema
        .createIndex(`trunks_by_${name}`)
        .on('trunks')
        .columns([...columns])
        .execute();
  },
};
