/** Routers, floating IPs and port forwardings. */
import { type Kysely, type Migration, sql } from 'kysely';

const maker = (db: Kysely<unknown>, name: string, texts: readonly string[]) =>
  ['project_id', 'description', 'created_at', 'updated_at', ...texts]
    .reduce((table, column) => table.addColumn(column, 'text', (definition) => definition.notNull()), db.schema.createTable(name))
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('revision_number', 'integer', (column) => column.notNull().defaultTo(1))
    .addColumn('tags', 'text', (column) => column.notNull().defaultTo('[]'));

export const migration0115: Migration = {
  async up(db: Kysely<unknown>) {
    await maker(db, 'routers', ['name', 'routes'])
      .addColumn('admin_state_up', 'boolean', (column) => column.notNull())
      .addColumn('enable_snat', 'boolean', (column) => column.notNull().defaultTo(sql`TRUE`))
      .execute();
    await db.schema
      .createTable('router_ports')
      .addColumn('port_id', 'text', (column) => column.primaryKey().references('ports.id').onDelete('cascade'))
      .addColumn('router_id', 'text', (column) => column.notNull().references('routers.id').onDelete('cascade'))
      .addColumn('kind', 'text', (column) => column.notNull())
      .execute();
    await maker(db, 'floating_ips', ['floating_network_id', 'floating_ip_address', 'status'])
      .addColumn('floating_port_id', 'text', (column) => column.notNull().unique().references('ports.id').onDelete('cascade'))
      .addColumn('fixed_port_id', 'text')
      .addColumn('fixed_ip_address', 'text')
      .addColumn('router_id', 'text')
      .execute();
    let forwardings = maker(db, 'port_forwardings', ['internal_port_id', 'internal_ip_address', 'protocol']).addColumn(
      'floatingip_id',
      'text',
      (column) => column.notNull().references('floating_ips.id').onDelete('cascade'),
    );
    for (const column of ['external_first', 'external_last', 'internal_first', 'internal_last'])
      forwardings = forwardings.addColumn(column, 'integer', (definition) => definition.notNull());
    await forwardings.execute();
    for (const [table, name, columns] of [
      ['routers', 'created_at', ['created_at', 'id']],
      ['routers', 'project', ['project_id']],
      ['router_ports', 'router', ['router_id']],
      ['floating_ips', 'created_at', ['created_at', 'id']],
      ['floating_ips', 'project', ['project_id']],
      ['floating_ips', 'fixed_port', ['fixed_port_id']],
      ['floating_ips', 'router', ['router_id']],
      ['port_forwardings', 'floating_ip', ['floatingip_id', 'created_at', 'id']],
      ['port_forwardings', 'internal_port', ['internal_port_id']],
      ['ports', 'network', ['network_id', 'device_owner']],
    ] as const)
      await db.schema
        .createIndex(`${table}_by_${name}`)
        .on(table)
        .columns([...columns])
        .execute();
  },
};
