/** Segments of networks, which were an attribute of the network while each had one. */
import { randomUUID } from 'node:crypto';
import { type Kysely, type Migration, sql } from 'kysely';

export const migration0176: Migration = {
  async up(db: Kysely<unknown>) {
    await ['project_id', 'description', 'created_at', 'updated_at', 'network_type']
      .reduce(
        (table, column) => table.addColumn(column, 'text', (definition) => definition.notNull()),
        db.schema.createTable('network_segments'),
      )
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('revision_number', 'integer', (column) => column.notNull().defaultTo(1))
      .addColumn('network_id', 'text', (column) => column.notNull().references('networks.id').onDelete('cascade'))
      .addColumn('name', 'text')
      .addColumn('physical_network', 'text')
      .addColumn('segmentation_id', 'bigint')
      .addColumn('segment_index', 'integer', (column) => column.notNull())
      .execute();
    for (const [name, columns] of [
      ['created_at', ['created_at', 'id']],
      ['network', ['network_id', 'segment_index']],
      ['wire', ['network_type', 'physical_network']],
    ] as const)
      await db.schema
        .createIndex(`network_segments_by_${name}`)
        .on('network_segments')
        .columns([...columns])
        .execute();
    await fillSegments(db);
    await db.schema.alterTable('networks').dropColumn('provider').execute();
    await db.schema.alterTable('subnets').addColumn('segment_id', 'text').execute();
    await db.schema.createIndex('subnets_by_segment').on('subnets').column('segment_id').execute();
  },
};

async function fillSegments(db: Kysely<unknown>): Promise<void> {
  const { rows } = await sql<{ id: string; provider: string; created_at: string }>`
    SELECT id, provider, created_at FROM networks`.execute(db);
  for (const { id, provider, created_at } of rows) {
    const { network_type = 'flat', physical_network = null, segmentation_id = null } = JSON.parse(provider);
    await sql`INSERT INTO network_segments
      (id, project_id, description, created_at, updated_at, network_id, network_type, physical_network, segmentation_id,
        segment_index)
      VALUES (${randomUUID()}, '', '', ${created_at}, ${created_at}, ${id}, ${network_type}, ${physical_network},
        ${segmentation_id}, 0)`.execute(db);
  }
}
