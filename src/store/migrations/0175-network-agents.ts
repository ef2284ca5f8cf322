/** Agents of the network service, and the status of routers. */
import type { Kysely, Migration } from 'kysely';

const texts = [
  ...['project_id', 'description', 'created_at', 'updated_at', 'agent_type', 'binary', 'topic', 'host', 'availability_zone'],
  ...['started_at', 'heartbeat_timestamp', 'configurations'],
];

export const migration0175: Migration = {
  async up(db: Kysely<unknown>) {
    await texts
      .reduce(
        (table, column) => table.addColumn(column, 'text', (definition) => definition.notNull()),
        db.schema.createTable('network_agents'),
      )
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('revision_number', 'integer', (column) => column.notNull().defaultTo(1))
      .execute();
    for (const [name, columns] of [
      ['created_at', ['created_at', 'id']],
      ['type', ['agent_type', 'host']],
    ] as const)
      await db.schema
        .createIndex(`network_agents_by_${name}`)
        .on('network_agents')
        .columns([...columns])
        .execute();
    await db.schema
      .alterTable('routers')
      .addColumn('status', 'text', (column) => column.notNull().defaultTo('ACTIVE'))
      .execute();
  },
};
