/** The lessee that a deployment has set, which the end of its instance removes. */
import type { Kysely, Migration } from 'kysely';

export const migration0063: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema.alterTable('nodes').addColumn('automatic_lessee', 'text').execute();
  },
};
