/** What operators say about a node's life: whether it may be undeployed, scheduled, cleaned and powered off. */
import type { Kysely, Migration } from 'kysely';

export const migration0047: Migration = {
  async up(db: Kysely<unknown>) {
    const alter = () => db.schema.alterTable('nodes');
    for (const name of ['protected', 'retired', 'disable_power_off'])
      await alter()
        .addColumn(name, 'boolean', (column) => column.notNull().defaultTo(false))
        .execute();
    await alter().addColumn('automated_clean', 'boolean').execute();
    for (const name of ['protected_reason', 'retired_reason']) await alter().addColumn(name, 'text').execute();
  },
};
