/**
 * What a test file has the database do, as the set of its statements' texts: `check/statement-cover.ts` chooses by them
 * the files that run once more on PostgreSQL.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';

/** Folder for a file of each process; unset: nothing is noted. */
export const statementsVariable = 'TEST_STATEMENTS';

type Note = { readonly file: string; readonly statements: readonly string[] };

const folder = process.env[statementsVariable];
/** By test file: a process may run several. */
const noted = new Map<string, Set<string>>();

export function noteStatements(database: DatabaseSync): void {
  if (folder === undefined) return;
  note('');
  const prepare = database.prepare.bind(database);
  database.prepare = (text, ...rest) => {
    note(shapeOf(text));
    return prepare(text, ...rest);
  };
}

/** Another process or connection opens the database again: no other file does the same. */
export function noteRestarts(): void {
  note(`restarts of ${process.argv[1]}`);
}

function note(text: string): void {
  if (folder === undefined) return;
  if (noted.size === 0) process.once('exit', () => writeNotes(folder));
  const file = process.argv[1] ?? '';
  const statements = noted.get(file) ?? new Set();
  noted.set(file, statements.add(text));
}

/** Lists of any length are the same statement. */
function shapeOf(text: string): string {
  return text.replace(/\?(?:, \?)+/g, '?…').replace(/\(\?…\)(?:, \(\?…\))+/g, '(?…)…');
}

function writeNotes(folder: string): void {
  mkdirSync(folder, { recursive: true });
  const notes: Note[] = [...noted].map(([file, statements]) => ({ file, statements: [...statements] }));
  writeFileSync(join(folder, `${process.pid}.json`), JSON.stringify(notes));
}

/** The notes of all processes that have ended. */
export function readNotes(folder: string): Note[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder).flatMap((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as Note[]);
}
