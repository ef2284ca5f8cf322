/** Deploy templates, runbooks and inspection rules. */
import type { Kysely, Migration } from 'kysely';

const tables = {
  deploy_templates: { required: ['name', 'steps', 'extra'], texts: [], booleans: [] },
  runbooks: {
    required: ['name', 'steps', 'traits', 'extra'],
    texts: ['description', 'owner'],
    booleans: ['public', 'disable_ramdisk'],
  },
  inspection_rules: {
    required: ['phase', 'conditions', 'actions'],
    texts: ['description'],
    booleans: ['sensitive'],
  },
} as const;

export const migration0050: Migration = {
  async up(db: Kysely<unknown>) {
    for (const [name, { required, texts, booleans }] of Object.entries(tables)) {
      let table = db.schema.createTable(name).addColumn('uuid', 'text', (column) => column.primaryKey());
      for (const column of [...required, 'created_at']) table = table.addColumn(column, 'text', (text) => text.notNull());
      for (const column of [...texts, 'updated_at']) table = table.addColumn(column, 'text');
      for (const column of booleans) table = table.addColumn(column, 'boolean', (boolean) => boolean.notNull());
      if (name === 'inspection_rules') table = table.addColumn('priority', 'integer', (column) => column.notNull());
      await table.execute();
      await db.schema.createIndex(`${name}_by_age`).on(name).columns(['created_at', 'uuid']).execute();
    }
    for (const name of ['deploy_templates', 'runbooks'])
      await db.schema.createIndex(`${name}_name`).on(name).column('name').unique().execute();
    await db.schema.createIndex('runbooks_by_owner').on('runbooks').column('owner').execute();
  },
};
