/** How a machine boots, as its BMC last told; null = not known. */
import type { Kysely, Migration } from 'kysely';

export const migration0007: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema.alterTable('nodes').addColumn('boot_mode', 'text').execute();
    await db.schema.alterTable('nodes').addColumn('secure_boot', 'boolean').execute();
  },
};
