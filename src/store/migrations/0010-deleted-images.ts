/** Ids of images that were deleted, which nobody gets again, and whose data an administrator has uploaded. */
import { type Kysely, type Migration, sql } from 'kysely';

export const migration0010: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('deleted_images')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('deleted_at', 'text', (column) => column.notNull())
      .execute();
    // What is known of those that went before: servers were made from them.
    await sql`INSERT INTO deleted_images (id, deleted_at)
      SELECT image_id, max(updated_at) FROM servers
      WHERE image_id IS NOT NULL AND image_id NOT IN (SELECT id FROM images) GROUP BY image_id`.execute(db);
    await db.schema
      .alterTable('images')
      .addColumn('uploaded_by_admin', 'boolean', (column) => column.notNull().defaultTo(false))
      .execute();
    // Nobody noted it: taken for an administrator's is what one has published, and what lies in his own project.
    await sql`UPDATE images SET uploaded_by_admin = true WHERE visibility = 'public'
      OR owner IN (SELECT project_id FROM users WHERE is_admin AND project_id <> '')`.execute(db);
  },
};
