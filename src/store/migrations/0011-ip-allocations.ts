/** Addresses and MACs of network ports are unique over all networks, which share one wire. */
import { type Kysely, type Migration, sql } from 'kysely';
import { Fault } from '#domain/faults.ts';
import { allocationOf, type IpAllocation } from '../tables/ip-allocations.ts';
import type { Port } from '../tables/ports.ts';

export const migration0011: Migration = {
  async up(db: Kysely<unknown>) {
    // Queried first: what a migration did before it fails is not taken back.
    const allocations = await readAllocations(db);
    await refuseTwins(db);
    await db.schema
      .createTable('ip_allocations')
      .addColumn('ip_address', 'text', (column) => column.primaryKey())
      .addColumn('sort_key', 'text', (column) => column.notNull().unique())
      .addColumn('subnet_id', 'text', (column) => column.notNull())
      .addColumn('port_id', 'text', (column) => column.notNull().references('ports.id').onDelete('cascade'))
      .execute();
    for (const column of ['port_id', 'subnet_id'])
      await db.schema.createIndex(`ip_allocations_by_${column}`).on('ip_allocations').column(column).execute();
    for (const { ip_address, sort_key, subnet_id, port_id } of allocations)
      await sql`INSERT INTO ip_allocations (ip_address, sort_key, subnet_id, port_id)
        VALUES (${ip_address}, ${sort_key}, ${subnet_id}, ${port_id})`.execute(db);
    await db.schema.createIndex('ports_mac_address').on('ports').column('mac_address').unique().execute();
  },
};

async function readAllocations(db: Kysely<unknown>): Promise<IpAllocation[]> {
  const { rows } = await sql<{ id: string; fixed_ips: string }>`SELECT id, fixed_ips FROM ports ORDER BY created_at, id`.execute(
    db,
  );
  const byAddress = new Map<string, IpAllocation>();
  for (const { id, fixed_ips } of rows) {
    for (const fixed of JSON.parse(fixed_ips) as Port['fixed_ips']) {
      const twin = byAddress.get(fixed.ip_address);
      if (twin) throw collision(`IP address ${fixed.ip_address}`, [twin.port_id, id]);
      byAddress.set(fixed.ip_address, allocationOf(id, fixed));
    }
  }
  return [...byAddress.values()];
}

async function refuseTwins(db: Kysely<unknown>): Promise<void> {
  const { rows } = await sql<{ mac_address: string; first: string; second: string }>`
    SELECT mac_address, min(id) AS first, max(id) AS second FROM ports
    GROUP BY mac_address HAVING count(*) > 1 LIMIT 1`.execute(db);
  const [twin] = rows;
  if (twin) throw collision(`MAC address ${twin.mac_address}`, [twin.first, twin.second]);
}

function collision(what: string, [first, second]: [string, string]): Fault {
  return new Fault('conflict', {
    detail: `${what} belongs to the network ports ${first} and ${second}, but must be unique from this version on. Start the former version of Ingot, delete one of the ports or change its address, and upgrade again.`,
  });
}
