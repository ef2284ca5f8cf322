/** Images with the same bytes are found by their digest. */
import type { Kysely, Migration } from 'kysely';

export const migration0101: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema.createIndex('images_by_hash').on('images').column('os_hash_value').execute();
  },
};
