/**
 * Scopes as in Keystone: role assignments and token revisions on the system and on domains, not only on projects; users
 * and projects belong to a domain, within which their names are unique.
 */
import { type Kysely, type Migration, sql } from 'kysely';

const defaultDomain = { id: 'default', name: 'Default', description: 'The default domain' };

export const migration0019: Migration = {
  async up(db: Kysely<unknown>) {
    await createDomains(db);
    await moveToDomains(db);
    await widenAssignments(db);
    await widenRevisions(db);
  },
};

async function createDomains(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('domains')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('name', 'text', (column) => column.notNull().unique())
    .addColumn('description', 'text', (column) => column.notNull())
    .addColumn('enabled', 'boolean', (column) => column.notNull().defaultTo(true))
    .execute();
  const { id, name, description } = defaultDomain;
  await sql`INSERT INTO domains (id, name, description) VALUES (${id}, ${name}, ${description})`.execute(db);
}

/** New tables, because a name was unique in the whole table, and SQLite drops no constraint. */
async function moveToDomains(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('users_of_domains')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('domain_id', 'text', (column) => column.notNull())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('password_hash', 'text', (column) => column.notNull())
    .addColumn('token_revision', 'integer', (column) => column.notNull().defaultTo(0))
    .addColumn('project_id', 'text', (column) => column.notNull())
    .addColumn('is_admin', 'boolean', (column) => column.notNull())
    .addColumn('enabled', 'boolean', (column) => column.notNull().defaultTo(true))
    .addColumn('description', 'text', (column) => column.notNull().defaultTo(''))
    .addColumn('email', 'text', (column) => column.notNull().defaultTo(''))
    .addUniqueConstraint('users_name_in_domain', ['domain_id', 'name'])
    .execute();
  await replaceTable(db, 'users', 'users_of_domains', {
    columns: ['id', 'name', 'password_hash', 'token_revision', 'project_id', 'is_admin', 'enabled', 'description', 'email'],
    added: { domain_id: defaultDomain.id },
  });
  await db.schema
    .createTable('projects_of_domains')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('domain_id', 'text', (column) => column.notNull())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('description', 'text', (column) => column.notNull())
    .addUniqueConstraint('projects_name_in_domain', ['domain_id', 'name'])
    .execute();
  const columns = ['id', 'name', 'description'];
  await replaceTable(db, 'projects', 'projects_of_domains', { columns, added: { domain_id: defaultDomain.id } });
  for (const table of ['users', 'projects'])
    await db.schema.createIndex(`${table}_by_name`).on(table).columns(['name', 'id']).execute();
}

/** Former assignments are on projects. */
async function widenAssignments(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('scoped_assignments')
    .addColumn('user_id', 'text', (column) => column.notNull())
    .addColumn('scope_type', 'text', (column) => column.notNull())
    .addColumn('scope_id', 'text', (column) => column.notNull())
    .addColumn('role', 'text', (column) => column.notNull())
    .addColumn('inherited', 'boolean', (column) => column.notNull().defaultTo(false))
    .addPrimaryKeyConstraint('role_assignments_scope_key', ['user_id', 'scope_type', 'scope_id', 'role', 'inherited'])
    .execute();
  await replaceTable(db, 'role_assignments', 'scoped_assignments', {
    columns: ['user_id', 'role'],
    renamed: { scope_id: 'project_id' },
    added: { scope_type: 'project' },
  });
  await db.schema.createIndex('role_assignments_scope').on('role_assignments').columns(['scope_type', 'scope_id']).execute();
}

async function widenRevisions(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('scope_token_revisions')
    .addColumn('user_id', 'text', (column) => column.notNull())
    .addColumn('scope_type', 'text', (column) => column.notNull())
    .addColumn('scope_id', 'text', (column) => column.notNull())
    .addColumn('revision', 'integer', (column) => column.notNull())
    .addPrimaryKeyConstraint('scope_token_revisions_key', ['user_id', 'scope_type', 'scope_id'])
    .execute();
  await copyRows(db, 'project_token_revisions', 'scope_token_revisions', {
    columns: ['user_id', 'revision'],
    renamed: { scope_id: 'project_id' },
    added: { scope_type: 'project' },
  });
  await db.schema.dropTable('project_token_revisions').execute();
}

type Copy = {
  readonly columns: readonly string[];
  /** New name → former name. */
  readonly renamed?: Readonly<Record<string, string>>;
  /** Columns with the same value in each row. */
  readonly added: Readonly<Record<string, string>>;
};

async function replaceTable(db: Kysely<unknown>, name: string, next: string, copy: Copy): Promise<void> {
  await copyRows(db, name, next, copy);
  await db.schema.dropTable(name).execute();
  await db.schema.alterTable(next).renameTo(name).execute();
}

async function copyRows(db: Kysely<unknown>, from: string, to: string, { columns, renamed = {}, added }: Copy): Promise<void> {
  const names = [...columns, ...Object.keys(renamed), ...Object.keys(added)].map((name) => sql.ref(name));
  const values = [
    ...[...columns, ...Object.values(renamed)].map((name) => sql.ref(name)),
    ...Object.values(added).map((value) => sql.lit(value)),
  ];
  await sql`INSERT INTO ${sql.table(to)} (${sql.join(names)}) SELECT ${sql.join(values)} FROM ${sql.table(from)}`.execute(db);
}
