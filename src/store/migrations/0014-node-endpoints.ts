/** What each node is commanded by, so that no command meant for one machine reaches another. Filled when Ingot starts. */
import type { Kysely, Migration } from 'kysely';

export const migration0014: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('node_endpoints')
      .addColumn('node_uuid', 'text', (column) => column.notNull())
      .addColumn('address', 'text', (column) => column.notNull())
      .addColumn('part', 'text')
      .execute();
    await db.schema.createIndex('node_endpoints_address').on('node_endpoints').column('address').execute();
    await db.schema.createIndex('node_endpoints_node').on('node_endpoints').column('node_uuid').execute();
    await db.schema.alterTable('nodes').addColumn('system_uuid', 'text').execute();
    await db.schema.createIndex('nodes_system_uuid').on('nodes').column('system_uuid').execute();
  },
};
