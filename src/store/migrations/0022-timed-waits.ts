/**
 * Operations keep when a waiting step runs again; the BMC health, which text it has written to `last_error`; the events,
 * whether they tell of a failed operation.
 */
import { type Kysely, type Migration, sql } from 'kysely';

export const migration0022: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema.alterTable('operations').addColumn('again_at', 'text').execute();
    await db.schema.alterTable('bmc_health').addColumn('reported', 'text').execute();
    await sql`UPDATE bmc_health SET reported =
      (SELECT last_error FROM nodes WHERE nodes.uuid = node_uuid AND nodes.fault = 'power failure')`.execute(db);
    await db.schema
      .alterTable('events')
      .addColumn('is_failure', 'integer', (column) => column.notNull().defaultTo(0))
      .execute();
    await sql`UPDATE events SET is_failure = 1 WHERE kind = 'operation' AND data LIKE '{"status":"failed"%'`.execute(db);
  },
};
