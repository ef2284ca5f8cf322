/** Groups, whose members have the roles that the group is assigned; roles and what they imply as rows. */
import { type Kysely, type Migration, sql } from 'kysely';

export const migration0071: Migration = {
  async up(db: Kysely<unknown>) {
    await createGroups(db);
    await createRoles(db);
    await assignToGroups(db);
  },
};

async function createGroups(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('groups')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('domain_id', 'text', (column) => column.notNull())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('description', 'text', (column) => column.notNull())
    .addUniqueConstraint('groups_name_in_domain', ['domain_id', 'name'])
    .execute();
  await db.schema.createIndex('groups_by_name').on('groups').columns(['name', 'id']).execute();
  await db.schema
    .createTable('group_members')
    .addColumn('group_id', 'text', (column) => column.notNull())
    .addColumn('user_id', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('group_members_key', ['group_id', 'user_id'])
    .execute();
  await db.schema.createIndex('group_members_by_user').on('group_members').column('user_id').execute();
}

/** The roles of `keystone-manage bootstrap`, each of which implies the next one, and `service`. Their ids are their names. */
const builtIn = [
  { id: 'admin', description: 'May do everything.', implies: 'manager' },
  {
    id: 'manager',
    description: "May manage the project's users' resources, or the users and projects of a domain.",
    implies: 'member',
  },
  { id: 'member', description: 'May use what belongs to the project.', implies: 'reader' },
  { id: 'reader', description: 'May look at what belongs to the project.' },
  { id: 'service', description: 'Is another service of the cloud.' },
];

async function createRoles(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('roles')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('domain_id', 'text', (column) => column.notNull())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('description', 'text', (column) => column.notNull())
    .addColumn('options', 'text', (column) => column.notNull().defaultTo('{}'))
    .addUniqueConstraint('roles_name_in_domain', ['domain_id', 'name'])
    .execute();
  await db.schema
    .createTable('implied_roles')
    .addColumn('prior_role_id', 'text', (column) => column.notNull())
    .addColumn('implied_role_id', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('implied_roles_key', ['prior_role_id', 'implied_role_id'])
    .execute();
  for (const { id, description, implies } of builtIn) {
    const options = '{"immutable":true}';
    await sql`INSERT INTO roles (id, domain_id, name, description, options)
      VALUES (${id}, '', ${id}, ${description}, ${options})`.execute(db);
    if (implies) await sql`INSERT INTO implied_roles (prior_role_id, implied_role_id) VALUES (${id}, ${implies})`.execute(db);
  }
}

/** A new table: SQLite changes no primary key. An assignment has a user or a group; the other column is empty. */
async function assignToGroups(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('assignments_of_actors')
    .addColumn('user_id', 'text', (column) => column.notNull())
    .addColumn('group_id', 'text', (column) => column.notNull())
    .addColumn('scope_type', 'text', (column) => column.notNull())
    .addColumn('scope_id', 'text', (column) => column.notNull())
    .addColumn('role_id', 'text', (column) => column.notNull())
    .addColumn('inherited', 'boolean', (column) => column.notNull().defaultTo(false))
    .addPrimaryKeyConstraint('role_assignments_actor_key', [
      ...['user_id', 'group_id', 'scope_type', 'scope_id', 'role_id', 'inherited'],
    ] as never[])
    .execute();
  await sql`INSERT INTO assignments_of_actors (user_id, group_id, scope_type, scope_id, role_id, inherited)
    SELECT user_id, '', scope_type, scope_id, role, inherited FROM role_assignments`.execute(db);
  await db.schema.dropTable('role_assignments').execute();
  await db.schema.alterTable('assignments_of_actors').renameTo('role_assignments').execute();
  await db.schema.createIndex('role_assignments_scope').on('role_assignments').columns(['scope_type', 'scope_id']).execute();
  await db.schema.createIndex('role_assignments_group').on('role_assignments').column('group_id').execute();
  await db.schema.createIndex('role_assignments_role').on('role_assignments').column('role_id').execute();
}
