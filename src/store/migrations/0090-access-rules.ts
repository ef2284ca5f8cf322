/** Access rules: the requests for which an application credential may be used. */
import type { Kysely, Migration } from 'kysely';

export const migration0090: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('access_rules')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('user_id', 'text', (column) => column.notNull())
      .addColumn('service', 'text', (column) => column.notNull())
      .addColumn('method', 'text', (column) => column.notNull())
      .addColumn('path', 'text', (column) => column.notNull())
      .addUniqueConstraint('access_rules_of_user', ['user_id', 'service', 'method', 'path'])
      .execute();
    await db.schema
      .alterTable('application_credentials')
      .addColumn('access_rules', 'text', (column) => column.notNull().defaultTo('[]'))
      .execute();
  },
};
