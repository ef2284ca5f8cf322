/** Attributes of ports that clients of Neutron set, as facts: address pairs, uplink status, NUMA policy, data plane. */
import { type Kysely, type Migration, sql } from 'kysely';

export const migration0110: Migration = {
  async up(db: Kysely<unknown>) {
    const ports = () => db.schema.alterTable('ports');
    await ports()
      .addColumn('allowed_address_pairs', 'text', (column) => column.notNull().defaultTo('[]'))
      .execute();
    await ports()
      .addColumn('propagate_uplink_status', 'boolean', (column) => column.notNull().defaultTo(sql`TRUE`))
      .execute();
    for (const name of ['numa_affinity_policy', 'data_plane_status']) await ports().addColumn(name, 'text').execute();
  },
};
