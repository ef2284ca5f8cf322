/** What a node's disks may hold is remembered by the node itself; indexes for look-ups of servers and operations. */
import type { Kysely, Migration } from 'kysely';
import { sql } from 'kysely';

const indexes: readonly (readonly [table: string, columns: readonly string[]])[] = [
  ['operations', ['server_id']],
  ['events', ['operation_id', 'id']],
];

/** In these states a server is, or was, on the machine. */
const used = [
  'deploying',
  'wait call-back',
  'active',
  'rebuild',
  'deploy failed',
  'deleting',
  'error',
  'cleaning',
  'clean wait',
  'clean failed',
];

export const migration0003: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .alterTable('nodes')
      .addColumn('must_clean', 'boolean', (column) => column.notNull().defaultTo(false))
      .execute();
    await sql`UPDATE nodes SET must_clean = true
      WHERE instance_uuid IS NOT NULL OR provision_state IN (${sql.join(used)})`.execute(db);
    for (const [table, columns] of indexes) {
      await db.schema
        .createIndex(`${table}_by_${columns.join('_')}`)
        .on(table)
        .columns([...columns])
        .execute();
    }
  },
};
