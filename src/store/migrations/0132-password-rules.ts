/** What the rules of passwords need to know: former passwords and times, failed logins, and when a user was last active. */
import { type Kysely, type Migration, sql } from 'kysely';

export const migration0132: Migration = {
  async up(db: Kysely<unknown>) {
    const add = (name: string) =>
      db.schema.alterTable('users').addColumn(name, 'text', (column) => column.notNull().defaultTo(''));
    // Of users that were made before, it is not known.
    for (const name of ['created_at', 'password_changed_at', 'last_active_at', 'failed_login_at']) await add(name).execute();
    await db.schema.alterTable('users').addColumn('password_expires_at', 'text').execute();
    await db.schema
      .alterTable('users')
      .addColumn('former_passwords', 'text', (column) => column.notNull().defaultTo('[]'))
      .execute();
    await db.schema
      .alterTable('users')
      .addColumn('failed_logins', 'integer', (column) => column.notNull().defaultTo(0))
      .execute();
    await db.schema
      .alterTable('users')
      .addColumn('password_by_user', 'boolean', (column) => column.notNull().defaultTo(sql`FALSE`))
      .execute();
  },
};
