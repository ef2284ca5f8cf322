/** By what a node's machine is known again when its agent reports, and which disks it must be found with when it is cleaned. */
import type { Kysely, Migration } from 'kysely';

export const migration0015: Migration = {
  async up(db: Kysely<unknown>) {
    for (const column of ['machine_uuid', 'machine_serial', 'known_disks']) {
      await db.schema.alterTable('nodes').addColumn(column, 'text').execute();
    }
    await db.schema.createIndex('nodes_machine_uuid').on('nodes').column('machine_uuid').execute();
    await db.schema.createIndex('nodes_machine_serial').on('nodes').column('machine_serial').execute();
  },
};
