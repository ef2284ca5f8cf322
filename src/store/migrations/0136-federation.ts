/** Identity providers of OpenID Connect, and the groups that their users are in for some time. */
import type { Kysely, Migration } from 'kysely';

export const migration0136: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('identity_providers')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('domain_id', 'text', (column) => column.notNull().unique())
      .addColumn('enabled', 'boolean', (column) => column.notNull())
      .addColumn('description', 'text')
      .addColumn('authorization_ttl', 'integer')
      .addColumn('remote_ids', 'text', (column) => column.notNull())
      .execute();
    await db.schema
      .createTable('federation_mappings')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('rules', 'text', (column) => column.notNull())
      .execute();
    await db.schema
      .createTable('federation_protocols')
      .addColumn('idp_id', 'text', (column) => column.notNull())
      .addColumn('id', 'text', (column) => column.notNull())
      .addColumn('mapping_id', 'text', (column) => column.notNull())
      .addColumn('remote_id_attribute', 'text')
      .addPrimaryKeyConstraint('federation_protocols_key', ['idp_id', 'id'])
      .execute();
    await db.schema
      .alterTable('group_members')
      .addColumn('expires_at', 'text', (column) => column.notNull().defaultTo(''))
      .execute();
  },
};
