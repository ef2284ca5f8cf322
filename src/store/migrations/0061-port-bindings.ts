/** The host that a port is bound to, and the profile that its binder has given. */
import type { Kysely, Migration } from 'kysely';

export const migration0061: Migration = {
  async up(db: Kysely<unknown>) {
    for (const [name, empty] of [
      ['binding_host_id', ''],
      ['binding_profile', '{}'],
    ] as const)
      await db.schema
        .alterTable('ports')
        .addColumn(name, 'text', (column) => column.notNull().defaultTo(empty))
        .execute();
  },
};
