/** Trusts (OS-TRUST): a user acts with roles of another one in a project. */
import type { Kysely, Migration } from 'kysely';

export const migration0130: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('trusts')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('trustor_user_id', 'text', (column) => column.notNull())
      .addColumn('trustee_user_id', 'text', (column) => column.notNull())
      .addColumn('project_id', 'text', (column) => column.notNull())
      .addColumn('impersonation', 'boolean', (column) => column.notNull())
      .addColumn('roles', 'text', (column) => column.notNull())
      .addColumn('expires_at', 'text')
      .addColumn('remaining_uses', 'integer')
      .addColumn('redelegated_trust_id', 'text')
      .addColumn('redelegation_count', 'integer', (column) => column.notNull())
      // None of those that never expire is equal to another one, as in Keystone.
      .addUniqueConstraint('trusts_key', ['trustor_user_id', 'trustee_user_id', 'project_id', 'impersonation', 'expires_at'])
      .execute();
    for (const column of ['trustee_user_id', 'project_id', 'redelegated_trust_id'])
      await db.schema.createIndex(`trusts_by_${column}`).on('trusts').column(column).execute();
  },
};
