/** Credentials of users: EC2 keys, TOTP secrets and others. */
import type { Kysely, Migration } from 'kysely';

export const migration0073: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('credentials')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('user_id', 'text', (column) => column.notNull())
      .addColumn('project_id', 'text')
      .addColumn('type', 'text', (column) => column.notNull())
      .addColumn('blob', 'text', (column) => column.notNull())
      .execute();
    await db.schema.createIndex('credentials_by_user').on('credentials').columns(['user_id', 'type']).execute();
    await db.schema.createIndex('credentials_by_project').on('credentials').column('project_id').execute();
  },
};
