/** Addresses that machines without a server may still use. */
import type { Kysely, Migration } from 'kysely';

export const migration0064: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('held_addresses')
      .addColumn('ip_address', 'text', (column) => column.primaryKey())
      .addColumn('node_uuid', 'text', (column) => column.notNull().references('nodes.uuid').onDelete('cascade'))
      .addColumn('project_id', 'text', (column) => column.notNull())
      .addColumn('instance_uuid', 'text')
      .addColumn('reason', 'text', (column) => column.notNull())
      .addColumn('created_at', 'text', (column) => column.notNull())
      .execute();
    await db.schema.createIndex('held_addresses_by_node').on('held_addresses').column('node_uuid').execute();
  },
};
