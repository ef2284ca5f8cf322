/** The step of Ironic's API that an operation is at. */
import type { Kysely, Migration } from 'kysely';

export const migration0045: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema.alterTable('operations').addColumn('api_step', 'text').execute();
  },
};
