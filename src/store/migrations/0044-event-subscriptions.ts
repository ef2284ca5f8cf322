/** Subscriptions at BMCs that must be ended there. */
import type { Kysely, Migration } from 'kysely';

export const migration0044: Migration = {
  async up(db: Kysely<unknown>) {
    let table = db.schema.createTable('event_subscriptions').addColumn('id', 'text', (column) => column.primaryKey());
    for (const name of ['node_uuid', 'power_interface', 'address', 'driver_info', 'path', 'created_at'])
      table = table.addColumn(name, 'text', (column) => column.notNull());
    await table.execute();
    await db.schema.createIndex('event_subscriptions_by_node').on('event_subscriptions').column('node_uuid').execute();
  },
};
