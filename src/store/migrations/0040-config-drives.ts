/** Config drives of instances that Ironic's API deploys; an instance is on one node. */
import type { Kysely, Migration } from 'kysely';

export const migration0040: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('config_drives')
      .addColumn('id', 'text', (column) => column.primaryKey().references('nodes.uuid').onDelete('cascade'))
      .addColumn('document', 'text', (column) => column.notNull())
      .execute();
    await db.schema.dropIndex('nodes_by_instance_uuid').execute();
    await db.schema.createIndex('nodes_by_instance').on('nodes').column('instance_uuid').unique().execute();
  },
};
