/** Roles per project, application credentials, and what a person record needs beyond a name. */
import type { Kysely, Migration } from 'kysely';

export const migration0002: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .alterTable('users')
      .addColumn('enabled', 'boolean', (column) => column.notNull().defaultTo(true))
      .execute();
    for (const name of ['description', 'email', 'password_changed_at']) {
      await db.schema
        .alterTable('users')
        .addColumn(name, 'text', (column) => column.notNull().defaultTo(''))
        .execute();
    }
    await db.schema
      .createTable('role_assignments')
      .addColumn('user_id', 'text', (column) => column.notNull())
      .addColumn('project_id', 'text', (column) => column.notNull())
      .addColumn('role', 'text', (column) => column.notNull())
      .addPrimaryKeyConstraint('role_assignments_key', ['user_id', 'project_id', 'role'])
      .execute();
    await db.schema
      .createTable('application_credentials')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('name', 'text', (column) => column.notNull())
      .addColumn('user_id', 'text', (column) => column.notNull())
      .addColumn('project_id', 'text', (column) => column.notNull())
      .addColumn('roles', 'text', (column) => column.notNull())
      .addColumn('secret_hash', 'text', (column) => column.notNull())
      .addColumn('description', 'text', (column) => column.notNull())
      .addColumn('expires_at', 'text')
      .addUniqueConstraint('application_credentials_owner', ['user_id', 'name'])
      .execute();
  },
};
