/** Imports of image data. */
import type { Kysely, Migration } from 'kysely';

export const migration0082: Migration = {
  async up(db: Kysely<unknown>) {
    let table = db.schema.createTable('image_tasks').addColumn('id', 'text', (column) => column.primaryKey());
    for (const name of ['image_id', 'status', 'owner', 'user_id', 'request_id', 'input', 'message'])
      table = table.addColumn(name, 'text', (column) => column.notNull());
    for (const name of ['created_at', 'updated_at', 'deadline_at'])
      table = table.addColumn(name, 'text', (column) => column.notNull());
    for (const name of ['source', 'result', 'expires_at']) table = table.addColumn(name, 'text');
    await table.execute();
    await db.schema.createIndex('image_tasks_by_image').on('image_tasks').column('image_id').execute();
    await db.schema.createIndex('image_tasks_by_owner').on('image_tasks').columns(['owner', 'created_at', 'id']).execute();
    await db.schema.alterTable('images').addColumn('import_task', 'text').execute();
    await db.schema.alterTable('images').addColumn('import_state', 'text').execute();
  },
};
