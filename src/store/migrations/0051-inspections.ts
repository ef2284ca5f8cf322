/** Times and plugin data of inspections; dynamic port groups. */
import type { Kysely, Migration } from 'kysely';

export const migration0051: Migration = {
  async up(db: Kysely<unknown>) {
    for (const name of ['inspection_started_at', 'inspection_finished_at', 'plugin_data'])
      await db.schema.alterTable('nodes').addColumn(name, 'text').execute();
    const flags = { node_ports: ['available_for_dynamic_portgroup', true], portgroups: ['dynamic_portgroup', false] } as const;
    for (const [table, [name, initial]] of Object.entries(flags))
      await db.schema
        .alterTable(table)
        .addColumn(name, 'boolean', (column) => column.notNull().defaultTo(initial))
        .execute();
  },
};
