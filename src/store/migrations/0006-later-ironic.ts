/** What Ironic's API came to tell of nodes and ports from microversion 1.82 on. */
import { type Kysely, type Migration, sql } from 'kysely';

const columnsTable = {
  nodes: ['shard', 'parent_node'],
  node_ports: ['name', 'description', 'vendor', 'category'],
} as const;

export const migration0006: Migration = {
  async up(db: Kysely<unknown>) {
    for (const [table, columns] of Object.entries(columnsTable)) {
      for (const column of columns) await db.schema.alterTable(table).addColumn(column, 'text').execute();
    }
    // Of the parts alone: an index of all nodes would be taken for searches in which it finds them all.
    await sql`CREATE INDEX parts_of_nodes ON nodes (parent_node) WHERE parent_node IS NOT NULL`.execute(db);
  },
};
