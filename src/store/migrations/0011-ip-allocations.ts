/** Addresses and MACs of network ports are unique over all networks, which share one wire. */
import { type Kysely, type Migration, sql } from 'kysely';
import { Fault } from '#domain/faults.ts';
import type { Port } from '#domain/records.ts';
import { allocationOf } from '../ip-allocations.ts';

export const migration0011: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('ip_allocations')
      .addColumn('ip_address', 'text', (column) => column.primaryKey())
      .addColumn('sort_key', 'text', (column) => column.notNull().unique())
      .addColumn('subnet_id', 'text', (column) => column.notNull())
      .addColumn('port_id', 'text', (column) => column.notNull().references('ports.id').onDelete('cascade'))
      .execute();
    for (const column of ['port_id', 'subnet_id'])
      await db.schema.createIndex(`ip_allocations_by_${column}`).on('ip_allocations').column(column).execute();
    await fillAllocations(db);
    await refuseTwins(db);
    await db.schema.createIndex('ports_mac_address').on('ports').column('mac_address').unique().execute();
  },
};

async function fillAllocations(db: Kysely<unknown>): Promise<void> {
  const { rows } = await sql<{ id: string; fixed_ips: string }>`SELECT id, fixed_ips FROM ports ORDER BY created_at`.execute(db);
  const holders = new Map<string, string>();
  for (const { id, fixed_ips } of rows) {
    for (const fixed of JSON.parse(fixed_ips) as Port['fixed_ips']) {
      const { ip_address, sort_key, subnet_id } = allocationOf(id, fixed);
      const holder = holders.get(ip_address);
      if (holder !== undefined) throw collision(`IP address ${ip_address}`, [holder, id]);
      holders.set(ip_address, id);
      await sql`INSERT INTO ip_allocations (ip_address, sort_key, subnet_id, port_id)
        VALUES (${ip_address}, ${sort_key}, ${subnet_id}, ${id})`.execute(db);
    }
  }
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
