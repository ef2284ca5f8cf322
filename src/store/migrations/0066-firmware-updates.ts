/** Firmware updates that may not have ended. */
import type { Kysely, Migration } from 'kysely';

export const migration0066: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('firmware_updates')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('node_uuid', 'text', (column) => column.notNull().references('nodes.uuid').onDelete('cascade'))
      .addColumn('component', 'text', (column) => column.notNull())
      .addColumn('operation_id', 'text', (column) => column.notNull())
      .addColumn('url', 'text', (column) => column.notNull())
      .addColumn('versions', 'text', (column) => column.notNull())
      .addColumn('task', 'text')
      .addColumn('sent_at', 'text', (column) => column.notNull())
      .addColumn('expires_at', 'text', (column) => column.notNull())
      .addUniqueConstraint('firmware_updates_by_component', ['node_uuid', 'component'])
      .execute();
  },
};
