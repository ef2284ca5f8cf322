/** Images that Ingot has downloaded from the URLs of instances. */
import type { Kysely, Migration } from 'kysely';

export const migration0054: Migration = {
  async up(db: Kysely<unknown>) {
    let table = db.schema.createTable('fetched_images').addColumn('id', 'text', (column) => column.primaryKey());
    for (const name of ['source_key', 'name', 'status', 'created_at', 'used_at'])
      table = table.addColumn(name, 'text', (column) => column.notNull());
    for (const name of ['version', 'disk_format', 'md5', 'sha256', 'sha512']) table = table.addColumn(name, 'text');
    for (const name of ['size', 'virtual_size']) table = table.addColumn(name, 'bigint');
    await table.execute();
    await db.schema.createIndex('fetched_images_by_source').on('fetched_images').column('source_key').execute();
  },
};
