/** Subnet pools. */
import { type Kysely, type Migration, sql } from 'kysely';

export const migration0145: Migration = {
  async up(db: Kysely<unknown>) {
    let pools = ['name', 'project_id', 'description', 'created_at', 'updated_at', 'prefixes']
      .reduce((table, column) => table.addColumn(column, 'text', (each) => each.notNull()), db.schema.createTable('subnet_pools'))
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('tags', 'text', (column) => column.notNull().defaultTo('[]'))
      .addColumn('revision_number', 'integer', (column) => column.notNull().defaultTo(1))
      .addColumn('is_default', 'boolean', (column) => column.notNull().defaultTo(sql`FALSE`))
      .addColumn('default_quota', 'integer')
      .addColumn('address_scope_id', 'text');
    for (const column of ['ip_version', 'min_prefixlen', 'max_prefixlen', 'default_prefixlen'])
      pools = pools.addColumn(column, 'integer', (definition) => definition.notNull());
    await pools.execute();
    await db.schema.alterTable('subnets').addColumn('subnetpool_id', 'text').execute();
    for (const [table, name, columns] of [
      ['subnet_pools', 'created_at', ['created_at', 'id']],
      ['subnet_pools', 'project', ['project_id']],
      ['subnet_pools', 'scope', ['address_scope_id']],
      ['subnets', 'pool', ['subnetpool_id']],
    ] as const)
      await db.schema
        .createIndex(`${table}_by_${name}`)
        .on(table)
        .columns([...columns])
        .execute();
  },
};
