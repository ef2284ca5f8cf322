/** The projects that images are shared with. */
import type { Kysely, Migration } from 'kysely';

export const migration0080: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('image_members')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('image_id', 'text', (column) => column.notNull().references('images.id').onDelete('cascade'))
      .addColumn('member_id', 'text', (column) => column.notNull())
      .addColumn('status', 'text', (column) => column.notNull())
      .addColumn('created_at', 'text', (column) => column.notNull())
      .addColumn('updated_at', 'text', (column) => column.notNull())
      .addUniqueConstraint('image_members_unique', ['image_id', 'member_id'])
      .execute();
    await db.schema.createIndex('image_members_by_member').on('image_members').columns(['member_id', 'image_id']).execute();
  },
};
