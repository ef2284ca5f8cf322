/** Locks that people set on nodes. */
import type { Kysely, Migration } from 'kysely';

export const migration0058: Migration = {
  async up(db: Kysely<unknown>) {
    let table = db.schema
      .createTable('node_locks')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('node_uuid', 'text', (column) => column.notNull().references('nodes.uuid').onDelete('cascade'))
      .addColumn('expires_at', 'text');
    for (const name of ['kind', 'reason', 'project_id', 'user_id', 'user_name', 'created_at'])
      table = table.addColumn(name, 'text', (column) => column.notNull());
    await table.execute();
    await db.schema.createIndex('node_locks_by_node').on('node_locks').columns(['node_uuid', 'created_at', 'id']).execute();
  },
};
