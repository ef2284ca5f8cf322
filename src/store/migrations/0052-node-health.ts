/** The health of the hardware of a node. */
import type { Kysely, Migration } from 'kysely';

export const migration0052: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema.alterTable('nodes').addColumn('health', 'text').execute();
  },
};
