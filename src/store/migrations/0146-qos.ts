/** QoS policies, their rules, and what has them. */
import { type Kysely, type Migration, sql } from 'kysely';

export const migration0146: Migration = {
  async up(db: Kysely<unknown>) {
    await ['name', 'project_id', 'description', 'created_at', 'updated_at']
      .reduce((table, column) => table.addColumn(column, 'text', (each) => each.notNull()), db.schema.createTable('qos_policies'))
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('tags', 'text', (column) => column.notNull().defaultTo('[]'))
      .addColumn('revision_number', 'integer', (column) => column.notNull().defaultTo(1))
      .addColumn('is_default', 'boolean', (column) => column.notNull().defaultTo(sql`FALSE`))
      .execute();
    await db.schema
      .createTable('qos_rules')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('qos_policy_id', 'text', (column) => column.notNull().references('qos_policies.id').onDelete('cascade'))
      .addColumn('type', 'text', (column) => column.notNull())
      .addColumn('direction', 'text')
      .addColumn('value', 'integer', (column) => column.notNull())
      .addColumn('burst', 'integer')
      .addColumn('created_at', 'text', (column) => column.notNull())
      .execute();
    for (const table of ['networks', 'ports', 'floating_ips'])
      await db.schema.alterTable(table).addColumn('qos_policy_id', 'text').execute();
    for (const [table, name, columns] of [
      ['qos_policies', 'created_at', ['created_at', 'id']],
      ['qos_policies', 'project', ['project_id']],
      ['qos_rules', 'policy', ['qos_policy_id', 'created_at', 'id']],
      ['networks', 'qos_policy', ['qos_policy_id']],
      ['ports', 'qos_policy', ['qos_policy_id']],
      ['floating_ips', 'qos_policy', ['qos_policy_id']],
    ] as const)
      await db.schema
        .createIndex(`${table}_by_${name}`)
        .on(table)
        .columns([...columns])
        .execute();
  },
};
