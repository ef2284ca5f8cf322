/** The lessees of nodes; lists by owner and lessee. */
import type { Kysely, Migration } from 'kysely';

export const migration0059: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema.alterTable('nodes').addColumn('lessee', 'text').execute();
    for (const name of ['owner', 'lessee']) await db.schema.createIndex(`nodes_by_${name}`).on('nodes').column(name).execute();
  },
};
