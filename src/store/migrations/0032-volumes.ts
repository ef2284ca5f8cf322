/** Volume connectors and volume targets of nodes. */
import type { Kysely, Migration } from 'kysely';

const tables = {
  volume_connectors: ['node_uuid', 'type', 'connector_id', 'extra', 'created_at'],
  volume_targets: ['node_uuid', 'volume_type', 'volume_id', 'properties', 'extra', 'created_at'],
} as const;

export const migration0032: Migration = {
  async up(db: Kysely<unknown>) {
    for (const [name, columns] of Object.entries(tables)) {
      let table = db.schema.createTable(name).addColumn('uuid', 'text', (column) => column.primaryKey());
      for (const column of columns) table = table.addColumn(column, 'text', (text) => text.notNull());
      if (name === 'volume_targets') table = table.addColumn('boot_index', 'integer', (column) => column.notNull());
      await table.addColumn('updated_at', 'text').execute();
      await db.schema.createIndex(`${name}_by_age`).on(name).columns(['created_at', 'uuid']).execute();
    }
    const connectors = db.schema.createIndex('volume_connectors_id').on('volume_connectors');
    await connectors.columns(['type', 'connector_id']).unique().execute();
    await db.schema.createIndex('volume_connectors_by_node').on('volume_connectors').column('node_uuid').execute();
    const targets = db.schema.createIndex('volume_targets_boot_index').on('volume_targets');
    await targets.columns(['node_uuid', 'boot_index']).unique().execute();
  },
};
