/** The tests that open a store, run once more on a PostgreSQL server that lives as long as the stage. */
import { relative } from 'node:path';
import { syncSchema } from '#store/store.ts';
import { startPostgres } from '#test/a-postgres.ts';
import { templateVariable } from '#test/a-store.ts';
import { readNotes } from '#test/noted-statements.ts';
import { importsOf } from './import-lines.ts';
import { aliasesOf } from './imports.ts';
import { root, type Source } from './sources.ts';
import { coverStatements } from './statement-cover.ts';

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

/**
 * Those of `paths` that are enough after a run on SQLite: together they do all that any of them does, and a file of which
 * nothing is noted stays.
 * @param notes folder that `noteStatements` wrote to
 */
export function enoughTests(paths: readonly string[], notes: string): string[] {
  const noted = readNotes(notes).map((note) => ({ ...note, file: relative(root, note.file) }));
  const known = new Set(noted.map(({ file }) => file));
  const chosen = new Set(coverStatements(noted.filter(({ file }) => paths.includes(file))));
  return paths.filter((path) => chosen.has(path) || !known.has(path));
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
