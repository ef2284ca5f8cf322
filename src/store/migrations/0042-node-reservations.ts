/** Nodes that a request has reserved. */
import type { Kysely, Migration } from 'kysely';

export const migration0042: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('node_reservations')
      .addColumn('node_uuid', 'text', (column) => column.primaryKey().references('nodes.uuid').onDelete('cascade'))
      .addColumn('owner', 'text', (column) => column.notNull())
      .addColumn('purpose', 'text', (column) => column.notNull())
      .addColumn('deadline_at', 'text', (column) => column.notNull())
      .execute();
  },
};
