/** Projects as a tree, which can be disabled; tags and options of projects and domains. */
import { type Kysely, type Migration, sql } from 'kysely';

export const migration0070: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .alterTable('projects')
      .addColumn('parent_id', 'text', (column) => column.notNull().defaultTo(''))
      .execute();
    await db.schema
      .alterTable('projects')
      .addColumn('enabled', 'boolean', (column) => column.notNull().defaultTo(true))
      .execute();
    for (const table of ['projects', 'domains']) {
      await db.schema
        .alterTable(table)
        .addColumn('tags', 'text', (column) => column.notNull().defaultTo('[]'))
        .execute();
      await db.schema
        .alterTable(table)
        .addColumn('options', 'text', (column) => column.notNull().defaultTo('{}'))
        .execute();
    }
    // At the top of its tree, a project is in its domain.
    await sql`UPDATE projects SET parent_id = domain_id`.execute(db);
    await db.schema.createIndex('projects_by_parent').on('projects').column('parent_id').execute();
  },
};
