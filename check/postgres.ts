/** The tests that open a store, run once more on a PostgreSQL server that lives as long as the stage. */

import { syncSchema } from '#store/store.ts';
import { startPostgres } from '#test/a-postgres.ts';
import { templateVariable } from '#test/a-store.ts';
import { importsOf } from './import-lines.ts';
import { aliasesOf } from './imports.ts';
import type { Source } from './sources.ts';

const opener = 'test/a-store.ts';

/** The files that import the opener of stores, directly or through others. */
export function storeTests(files: readonly Source[]): Set<string> {
  const aliases = aliasesOf(files);
  const importers = new Map<string, string[]>();
  for (const file of files.filter(({ path }) => path.endsWith('.ts'))) {
    for (const { target } of importsOf(file, aliases)) {
      if (target !== undefined) importers.set(target, [...(importers.get(target) ?? []), file.path]);
    }
  }
  const found = new Set([opener]);
  for (const path of found) for (const importer of importers.get(path) ?? []) found.add(importer);
  return found;
}

/** Runs `work` with the environment in which `aStore` makes PostgreSQL databases. */
export async function withPostgres<R>(work: (env: Record<string, string>) => Promise<R>): Promise<R> {
  const server = await startPostgres();
  try {
    const template = await server.create('template_of_tests');
    await syncSchema(template);
    return await work({ [templateVariable]: template });
  } finally {
    await server.stop();
  }
}
