/** Columns and indexes by which a large fleet is searched and listed, and by which old records are found. */
import { type Kysely, type Migration, sql } from 'kysely';
import type { JsonObject } from '#domain/json.ts';
import { resourceName, sizeOf } from '#domain/placement.ts';

type Index = readonly [name: string, table: string, columns: readonly string[]];

/** Equality comes first, then the order in which nodes are taken. */
const free = ['provision_state', 'maintenance', 'instance_uuid', 'operation_id', 'fault'];
const indexes: readonly Index[] = [
  ['nodes_by_fit', 'nodes', [...free, 'failures', 'size_memory_mb', 'size_cpus', 'size_local_gb']],
  ['operations_of_node', 'operations', ['node_uuid', 'created_at']],
  ['operations_of_server', 'operations', ['server_id', 'created_at']],
  ['operations_by_ended_at', 'operations', ['ended_at']],
  ['servers_of_project', 'servers', ['project_id', 'created_at']],
  ['ports_by_created_at', 'ports', ['created_at', 'id']],
];
/** New ones begin with the same columns. */
const superseded = ['nodes_by_provision_state', 'operations_by_node_uuid', 'operations_by_server_id'];

export const migration0005: Migration = {
  async up(db: Kysely<unknown>) {
    for (const size of ['size_cpus', 'size_memory_mb', 'size_local_gb'])
      await db.schema.alterTable('nodes').addColumn(size, 'double precision').execute();
    await db.schema
      .alterTable('nodes')
      .addColumn('resource_name', 'text', (column) => column.notNull().defaultTo(resourceName(null)))
      .execute();
    await fillSizes(db);
    for (const name of superseded) await db.schema.dropIndex(name).execute();
    for (const [name, table, columns] of indexes) {
      await db.schema
        .createIndex(name)
        .on(table)
        .columns([...columns])
        .execute();
    }
    await sql`CREATE INDEX events_of_operations ON events (node_uuid, id) WHERE kind = 'operation'`.execute(db);
  },
};

type Row = { id: number; properties: string; resource_class: string | null };

async function fillSizes(db: Kysely<unknown>): Promise<void> {
  const { rows } = await sql<Row>`SELECT id, properties, resource_class FROM nodes`.execute(db);
  for (const { id, properties, resource_class } of rows) {
    const { cpus, memory_mb, local_gb } = JSON.parse(properties) as JsonObject;
    await sql`UPDATE nodes SET size_cpus = ${sizeOf(cpus)}, size_memory_mb = ${sizeOf(memory_mb)},
      size_local_gb = ${sizeOf(local_gb)}, resource_name = ${resourceName(resource_class)} WHERE id = ${id}`.execute(db);
  }
}
