/** Templates of the rules of new security groups, with those that Neutron begins with. */
import { randomUUID } from 'node:crypto';
import { type Kysely, type Migration, sql } from 'kysely';

const table = 'default_security_group_rules';

export const migration0160: Migration = {
  async up(db: Kysely<unknown>) {
    const texts = ['project_id', 'description', 'created_at', 'updated_at', 'direction', 'ethertype'];
    let made = texts.reduce((each, column) => each.addColumn(column, 'text', (definition) => definition.notNull()), maker(db));
    for (const column of ['port_range_min', 'port_range_max']) made = made.addColumn(column, 'integer');
    for (const column of ['protocol', 'remote_ip_prefix', 'remote_group_id', 'remote_address_group_id'])
      made = made.addColumn(column, 'text');
    for (const column of ['used_in_default_sg', 'used_in_non_default_sg'])
      made = made.addColumn(column, 'boolean', (definition) => definition.notNull());
    await made.execute();
    await db.schema.createIndex(`${table}_by_created_at`).on(table).columns(['created_at', 'id']).execute();
    await insertFirst(db);
  },
};

const maker = (db: Kysely<unknown>) =>
  db.schema
    .createTable(table)
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('revision_number', 'integer', (column) => column.notNull().defaultTo(1));

async function insertFirst(db: Kysely<unknown>): Promise<void> {
  const now = new Date().toISOString();
  for (const [direction, remote] of [['egress', null] as const, ['ingress', 'PARENT'] as const])
    for (const ethertype of ['IPv4', 'IPv6'])
      await sql`INSERT INTO default_security_group_rules (id, project_id, description, created_at, updated_at, direction,
        ethertype, remote_group_id, used_in_default_sg, used_in_non_default_sg)
        VALUES (${randomUUID()}, '', ${`Legacy default SG rule for ${direction} traffic`}, ${now}, ${now}, ${direction},
        ${ethertype}, ${remote}, ${sql.raw('TRUE')}, ${sql.raw(remote === null ? 'TRUE' : 'FALSE')})`.execute(db);
}
