/** Names of node ports are unique, as in Ironic (API 1.88). */
import { type Kysely, type Migration, sql } from 'kysely';
import { Fault } from '#domain/faults.ts';

export const migration0031: Migration = {
  async up(db: Kysely<unknown>) {
    await sql`UPDATE node_ports SET name = NULL WHERE name = ''`.execute(db);
    await refuseTwins(db);
    await db.schema.createIndex('node_ports_name').on('node_ports').column('name').unique().execute();
  },
};

async function refuseTwins(db: Kysely<unknown>): Promise<void> {
  const { rows } = await sql<{ name: string; first: string; second: string }>`
    SELECT name, min(uuid) AS first, max(uuid) AS second FROM node_ports
    WHERE name IS NOT NULL GROUP BY name HAVING count(*) > 1 LIMIT 1`.execute(db);
  const [twin] = rows;
  if (!twin) return;
  throw new Fault('conflict', {
    detail: `Name ${twin.name} belongs to the node ports ${twin.first} and ${twin.second}, but must be unique from this version on. Start the former version of Ingot, rename or delete one of the ports, and upgrade again.`,
  });
}
