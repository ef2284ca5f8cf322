/**
 * Of each operation, only its start and end are found by an index of their own; its steps are among the events of its server
 * between them. Ids of operations are random, so that an index of all events changed a page for almost each event.
 */
import { type Kysely, type Migration, sql } from 'kysely';

export const migration0120: Migration = {
  async up(db: Kysely<unknown>) {
    for (const name of ['events_by_operation_id_id', 'events_by_server_id_id']) await db.schema.dropIndex(name).execute();
    await sql`CREATE INDEX events_of_operation ON events (operation_id, id) WHERE kind = 'operation'`.execute(db);
    await sql`CREATE INDEX events_of_server ON events (server_id, id) WHERE server_id IS NOT NULL`.execute(db);
  },
};
