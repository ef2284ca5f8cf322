/** Nodes name more of their interfaces; how each BMC behaves is remembered beside the node. */
import type { Kysely, Migration } from 'kysely';

/** What a node has whose hardware type says nothing else: Ironic's names for "none". */
const absentInterfaces = { bios_interface: 'no-bios', firmware_interface: 'no-firmware', vendor_interface: 'no-vendor' };

export const migration0004: Migration = {
  async up(db: Kysely<unknown>) {
    for (const [column, none] of Object.entries(absentInterfaces)) {
      await db.schema
        .alterTable('nodes')
        .addColumn(column, 'text', (definition) => definition.notNull().defaultTo(none))
        .execute();
    }
    await db.schema
      .alterTable('nodes')
      .addColumn('console_enabled', 'boolean', (definition) => definition.notNull().defaultTo(false))
      .execute();
    await db.schema
      .createTable('bmc_contacts')
      .addColumn('node_uuid', 'text', (column) => column.primaryKey())
      .addColumn('state', 'text', (column) => column.notNull())
      .addColumn('since', 'text', (column) => column.notNull())
      .addColumn('answered_at', 'text')
      .addColumn('latency_ms', 'integer')
      .addColumn('failures', 'integer', (column) => column.notNull())
      .addColumn('message', 'text')
      .addColumn('next_look_at', 'text')
      .execute();
  },
};
