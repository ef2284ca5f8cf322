/** Console tickets outlive the process. */
import type { Kysely, Migration } from 'kysely';
import { dialectOf } from '../dialect/dialect.ts';

export const migration0041: Migration = {
  async up(db: Kysely<unknown>) {
    const table = db.schema.createTable('console_tickets');
    const counted =
      dialectOf(db).name === 'postgres'
        ? table.addColumn('id', 'serial', (column) => column.primaryKey())
        : table.addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement());
    await counted
      .addColumn('digest', 'text', (column) => column.notNull().unique())
      .addColumn('node_uuid', 'text', (column) => column.notNull())
      .addColumn('server_id', 'text')
      .addColumn('token', 'text', (column) => column.notNull())
      .addColumn('expires_at', 'text', (column) => column.notNull())
      .execute();
    await db.schema
      .createIndex('console_tickets_by_console')
      .on('console_tickets')
      .columns(['node_uuid', 'server_id', 'id'])
      .execute();
    await db.schema.createIndex('console_tickets_by_expiry').on('console_tickets').column('expires_at').execute();
  },
};
