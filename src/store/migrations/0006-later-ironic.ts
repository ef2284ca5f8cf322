/** What Ironic's API came to tell of nodes and ports from microversion 1.82 on. */
import type { Kysely, Migration } from 'kysely';

const columnsTable = {
  nodes: ['shard', 'parent_node'],
  node_ports: ['name', 'description', 'vendor', 'category'],
} as const;

export const migration0006: Migration = {
  async up(db: Kysely<unknown>) {
    for (const [table, columns] of Object.entries(columnsTable)) {
      for (const column of columns) await db.schema.alterTable(table).addColumn(column, 'text').execute();
    }
    await db.schema.createIndex('nodes_by_parent').on('nodes').column('parent_node').execute();
  },
};
