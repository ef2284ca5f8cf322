/** Who has locked a server, and why. */
import type { Kysely, Migration } from 'kysely';

export const migration0060: Migration = {
  async up(db: Kysely<unknown>) {
    for (const name of ['locked_by', 'locked_reason']) await db.schema.alterTable('servers').addColumn(name, 'text').execute();
  },
};
