/** Indexes in the order in which images, networks and subnets are listed. */
import type { Kysely, Migration } from 'kysely';

export const migration0025: Migration = {
  async up(db: Kysely<unknown>) {
    for (const table of ['images', 'networks', 'subnets'])
      await db.schema.createIndex(`${table}_by_created_at`).on(table).columns(['created_at', 'id']).execute();
  },
};
