/**
 * Tokens are revoked by audit id, and by revisions: a token carries the revision of its user, and of its user in its
 * project, and is void once either was raised. Also the addresses from which a user logged in.
 */
import type { Kysely, Migration } from 'kysely';

export const migration0009: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema.alterTable('users').dropColumn('password_changed_at').execute();
    await db.schema
      .alterTable('users')
      .addColumn('token_revision', 'integer', (column) => column.notNull().defaultTo(0))
      .execute();
    await db.schema
      .createTable('project_token_revisions')
      .addColumn('user_id', 'text', (column) => column.notNull())
      .addColumn('project_id', 'text', (column) => column.notNull())
      .addColumn('revision', 'integer', (column) => column.notNull())
      .addPrimaryKeyConstraint('project_token_revisions_key', ['user_id', 'project_id'])
      .execute();
    // Tokens of before have no revisions and are void; so are the rows that revoked some of them.
    await db.schema.dropTable('revoked_tokens').execute();
    await db.schema
      .createTable('revoked_tokens')
      .addColumn('audit_id', 'text', (column) => column.primaryKey())
      .addColumn('expires_at', 'text', (column) => column.notNull())
      .execute();
    await db.schema
      .createTable('login_addresses')
      .addColumn('user_id', 'text', (column) => column.notNull())
      .addColumn('address', 'text', (column) => column.notNull())
      .addColumn('last_at', 'text', (column) => column.notNull())
      .addPrimaryKeyConstraint('login_addresses_key', ['user_id', 'address'])
      .execute();
  },
};
