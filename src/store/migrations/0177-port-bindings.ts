/** Bindings of ports to further hosts. */
import type { Kysely, Migration } from 'kysely';

export const migration0177: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('port_bindings')
      .addColumn('port_id', 'text', (column) => column.notNull().references('ports.id').onDelete('cascade'))
      .addColumn('host', 'text', (column) => column.notNull())
      .addColumn('profile', 'text', (column) => column.notNull())
      .addPrimaryKeyConstraint('port_bindings_key', ['port_id', 'host'])
      .execute();
  },
};
