/** Allocations of nodes, and the allocation of a node. */
import type { Kysely, Migration } from 'kysely';

const required = ['state', 'traits', 'candidate_nodes', 'extra', 'created_at'] as const;
const texts = ['name', 'node_uuid', 'resource_class', 'owner', 'last_error', 'updated_at'] as const;

export const migration0034: Migration = {
  async up(db: Kysely<unknown>) {
    let table = db.schema.createTable('allocations').addColumn('uuid', 'text', (column) => column.primaryKey());
    for (const name of required) table = table.addColumn(name, 'text', (column) => column.notNull());
    for (const name of texts) table = table.addColumn(name, 'text');
    await table.execute();
    for (const name of ['name', 'node_uuid'])
      await db.schema.createIndex(`allocations_${name}`).on('allocations').column(name).unique().execute();
    await db.schema.createIndex('allocations_by_age').on('allocations').columns(['created_at', 'uuid']).execute();
    // An allocation that a node has is not deleted before the node is released.
    await db.schema
      .alterTable('nodes')
      .addColumn('allocation_uuid', 'text', (column) => column.references('allocations.uuid'))
      .execute();
    await db.schema.createIndex('nodes_by_allocation').on('nodes').column('allocation_uuid').execute();
  },
};
