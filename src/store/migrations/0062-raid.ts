/** The RAID of nodes: the interface that changes it, and the configurations that are wanted and there. */
import type { Kysely, Migration } from 'kysely';

const columns = { raid_interface: 'no-raid', raid_config: '{}', target_raid_config: '{}' };

export const migration0062: Migration = {
  async up(db: Kysely<unknown>) {
    for (const [column, initial] of Object.entries(columns)) {
      await db.schema
        .alterTable('nodes')
        .addColumn(column, 'text', (definition) => definition.notNull().defaultTo(initial))
        .execute();
    }
  },
};
