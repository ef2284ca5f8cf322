/** Port groups, the port group of a node's port, and the physical networks of both. */
import type { Kysely, Migration } from 'kysely';

const texts = ['name', 'address', 'physical_network', 'category', 'vif_port_id', 'updated_at'] as const;
const required = ['node_uuid', 'mode', 'properties', 'extra', 'created_at'] as const;

export const migration0030: Migration = {
  async up(db: Kysely<unknown>) {
    let table = db.schema.createTable('portgroups').addColumn('uuid', 'text', (column) => column.primaryKey());
    for (const name of required) table = table.addColumn(name, 'text', (column) => column.notNull());
    for (const name of texts) table = table.addColumn(name, 'text');
    await table.addColumn('standalone_ports_supported', 'boolean', (column) => column.notNull()).execute();
    for (const name of ['name', 'address', 'vif_port_id'])
      await db.schema.createIndex(`portgroups_${name}`).on('portgroups').column(name).unique().execute();
    await db.schema.createIndex('portgroups_by_age').on('portgroups').columns(['created_at', 'uuid']).execute();
    await db.schema.createIndex('portgroups_by_node').on('portgroups').column('node_uuid').execute();
    // A port cannot join a port group that is deleted at the same moment.
    await db.schema
      .alterTable('node_ports')
      .addColumn('portgroup_uuid', 'text', (column) => column.references('portgroups.uuid'))
      .execute();
    await db.schema.alterTable('node_ports').addColumn('physical_network', 'text').execute();
    await db.schema.createIndex('node_ports_by_portgroup').on('node_ports').column('portgroup_uuid').execute();
  },
};
