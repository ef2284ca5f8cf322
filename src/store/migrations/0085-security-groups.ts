/**
 * Security groups and their rules; those of ports and servers. Ports that are there belong to their project's default
 * group, as if there had been one.
 */
import { randomUUID } from 'node:crypto';
import { type Kysely, type Migration, sql } from 'kysely';

const maker = (db: Kysely<unknown>, name: string) =>
  ['project_id', 'description', 'created_at', 'updated_at']
    .reduce((table, column) => table.addColumn(column, 'text', (definition) => definition.notNull()), db.schema.createTable(name))
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('revision_number', 'integer', (column) => column.notNull().defaultTo(1));

export const migration0085: Migration = {
  async up(db: Kysely<unknown>) {
    await maker(db, 'security_groups')
      .addColumn('name', 'text', (column) => column.notNull())
      .addColumn('tags', 'text', (column) => column.notNull().defaultTo('[]'))
      .addColumn('stateful', 'boolean', (column) => column.notNull())
      .addColumn('default_of', 'text', (column) => column.unique())
      .execute();
    let rules = maker(db, 'security_group_rules').addColumn('security_group_id', 'text', (column) =>
      column.notNull().references('security_groups.id').onDelete('cascade'),
    );
    for (const column of ['direction', 'ethertype']) rules = rules.addColumn(column, 'text', (each) => each.notNull());
    for (const column of ['port_range_min', 'port_range_max']) rules = rules.addColumn(column, 'integer');
    for (const column of ['protocol', 'remote_ip_prefix', 'remote_address_group_id']) rules = rules.addColumn(column, 'text');
    await rules
      .addColumn('remote_group_id', 'text', (column) => column.references('security_groups.id').onDelete('cascade'))
      .execute();
    for (const [table, name, columns] of [
      ['security_groups', 'created_at', ['created_at', 'id']],
      ['security_groups', 'project', ['project_id']],
      ['security_group_rules', 'created_at', ['created_at', 'id']],
      ['security_group_rules', 'project', ['project_id']],
      ['security_group_rules', 'group', ['security_group_id']],
      ['security_group_rules', 'remote_group', ['remote_group_id']],
    ] as const)
      await db.schema
        .createIndex(`${table}_by_${name}`)
        .on(table)
        .columns([...columns])
        .execute();
    for (const table of ['ports', 'servers'])
      await db.schema
        .alterTable(table)
        .addColumn('security_groups', 'text', (column) => column.notNull().defaultTo('[]'))
        .execute();
    for (const table of ['ports', 'networks'])
      await db.schema
        .alterTable(table)
        .addColumn('port_security_enabled', 'boolean', (column) => column.notNull().defaultTo(sql`TRUE`))
        .execute();
    await fillDefaultGroups(db);
  },
};

async function fillDefaultGroups(db: Kysely<unknown>): Promise<void> {
  const { rows } = await sql<{ project_id: string }>`SELECT DISTINCT project_id FROM ports`.execute(db);
  const now = new Date().toISOString();
  for (const { project_id } of rows) {
    const group = randomUUID();
    await sql`INSERT INTO security_groups (id, name, project_id, description, stateful, default_of, created_at, updated_at)
      VALUES (${group}, 'default', ${project_id}, 'Default security group', TRUE, ${project_id}, ${now}, ${now})`.execute(db);
    for (const [direction, remote] of [['ingress', group] as const, ['egress', null] as const])
      for (const ethertype of ['IPv4', 'IPv6'])
        await sql`INSERT INTO security_group_rules
          (id, project_id, description, created_at, updated_at, security_group_id, direction, ethertype, remote_group_id)
          VALUES (${randomUUID()}, ${project_id}, '', ${now}, ${now}, ${group}, ${direction}, ${ethertype}, ${remote})`.execute(
          db,
        );
    await sql`UPDATE ports SET security_groups = ${JSON.stringify([group])}
      WHERE project_id = ${project_id} AND device_owner NOT LIKE 'network:%'`.execute(db);
  }
}
