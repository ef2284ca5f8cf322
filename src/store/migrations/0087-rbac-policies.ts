/** RBAC policies, which shared and external networks have as in Neutron; address groups. */
import { randomUUID } from 'node:crypto';
import { type Kysely, type Migration, sql } from 'kysely';

const maker = (db: Kysely<unknown>, name: string, texts: readonly string[]) =>
  ['project_id', 'description', 'created_at', 'updated_at', ...texts]
    .reduce((table, column) => table.addColumn(column, 'text', (definition) => definition.notNull()), db.schema.createTable(name))
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('revision_number', 'integer', (column) => column.notNull().defaultTo(1));

export const migration0087: Migration = {
  async up(db: Kysely<unknown>) {
    await maker(db, 'rbac_policies', ['object_type', 'object_id', 'action', 'target_project']).execute();
    await db.schema
      .createIndex('rbac_policies_key')
      .on('rbac_policies')
      .columns(['object_id', 'action', 'target_project'])
      .unique()
      .execute();
    await maker(db, 'address_groups', ['name', 'addresses'])
      .addColumn('tags', 'text', (column) => column.notNull().defaultTo('[]'))
      .execute();
    for (const [table, name, columns] of [
      ['rbac_policies', 'created_at', ['created_at', 'id']],
      ['rbac_policies', 'project', ['project_id']],
      ['rbac_policies', 'target', ['object_type', 'target_project']],
      ['address_groups', 'created_at', ['created_at', 'id']],
      ['address_groups', 'project', ['project_id']],
      ['security_group_rules', 'remote_address_group', ['remote_address_group_id']],
    ] as const)
      await db.schema
        .createIndex(`${table}_by_${name}`)
        .on(table)
        .columns([...columns])
        .execute();
    await fillPolicies(db, 'shared');
    await fillPolicies(db, 'external');
  },
};

async function fillPolicies(db: Kysely<unknown>, column: 'shared' | 'external'): Promise<void> {
  const { rows } = await sql<{ id: string; project_id: string }>`
    SELECT id, project_id FROM networks WHERE ${sql.ref(column)}`.execute(db);
  const now = new Date().toISOString();
  for (const { id, project_id } of rows)
    await sql`INSERT INTO rbac_policies
      (id, project_id, description, created_at, updated_at, object_type, object_id, action, target_project)
      VALUES (${randomUUID()}, ${project_id}, '', ${now}, ${now}, 'network', ${id}, ${`access_as_${column}`}, '*')`.execute(db);
}
