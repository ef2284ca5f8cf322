/** Chassis, and the chassis of a node. */
import type { Kysely, Migration } from 'kysely';

export const migration0023: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('chassis')
      .addColumn('uuid', 'text', (column) => column.primaryKey())
      .addColumn('description', 'text')
      .addColumn('extra', 'text', (column) => column.notNull())
      .addColumn('created_at', 'text', (column) => column.notNull())
      .addColumn('updated_at', 'text')
      .execute();
    await db.schema.createIndex('chassis_by_age').on('chassis').columns(['created_at', 'uuid']).execute();
    // A node cannot be put into a chassis that is deleted at the same moment.
    await db.schema
      .alterTable('nodes')
      .addColumn('chassis_uuid', 'text', (column) => column.references('chassis.uuid'))
      .execute();
    await db.schema.createIndex('nodes_by_chassis').on('nodes').column('chassis_uuid').execute();
  },
};
