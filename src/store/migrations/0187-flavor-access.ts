/** The projects that may use private flavors. */
import type { Kysely, Migration } from 'kysely';

export const migration0187: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('flavor_access')
      .addColumn('flavor_id', 'text', (column) => column.notNull().references('flavors.id').onDelete('cascade'))
      .addColumn('project_id', 'text', (column) => column.notNull())
      .addPrimaryKeyConstraint('flavor_access_key', ['flavor_id', 'project_id'])
      .execute();
    await db.schema.createIndex('flavor_access_by_project').on('flavor_access').column('project_id').execute();
  },
};
