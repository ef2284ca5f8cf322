/** Regions, services and endpoints that administrators add to the built-in catalogue. */
import type { Kysely, Migration } from 'kysely';

export const migration0072: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('regions')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('description', 'text', (column) => column.notNull())
      .addColumn('parent_region_id', 'text')
      .execute();
    await db.schema
      .createTable('catalog_services')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('type', 'text', (column) => column.notNull())
      .addColumn('name', 'text', (column) => column.notNull())
      .addColumn('description', 'text', (column) => column.notNull())
      .addColumn('enabled', 'boolean', (column) => column.notNull())
      .execute();
    await db.schema
      .createTable('catalog_endpoints')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('service_id', 'text', (column) => column.notNull())
      .addColumn('interface', 'text', (column) => column.notNull())
      .addColumn('region_id', 'text')
      .addColumn('url', 'text', (column) => column.notNull())
      .addColumn('enabled', 'boolean', (column) => column.notNull())
      .execute();
    await db.schema.createIndex('catalog_endpoints_by_service').on('catalog_endpoints').column('service_id').execute();
  },
};
