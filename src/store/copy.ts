/** Copies a database into another, empty one: a file into PostgreSQL, or the reverse. */
import { existsSync } from 'node:fs';
import { constants, copyFile, readFile } from 'node:fs/promises';
import { type RawBuilder, sql } from 'kysely';
import { Fault } from '#domain/faults.ts';
import type { Database } from './collection.ts';
import { isPostgresUrl, withoutPassword } from './database-address.ts';
import { dialectOf } from './dialect/dialect.ts';
import { migrate, pendingMigrations } from './migrate.ts';
import { tables } from './nouns.ts';
import type { Table } from './record-codec.ts';
import { openSealer } from './secrets-key.ts';
import { openDatabase } from './store.ts';

/** A database and the file of the key that its secrets are encrypted with. */
export type DatabasePlace = { readonly address: string; readonly keyFile: string };

/** Few, because rows of servers and images are large. */
const rowsAtOnce = 50;

/**
 * Secrets are copied encrypted, and their key with them if its file is another. All or nothing is written: the target
 * holds the whole copy, or is as empty as before.
 * @returns the number of rows by table
 * @throws Fault `databaseCopy`, `secretsKey`, or that of a database which is in use
 */
export async function copyDatabase(from: DatabasePlace, to: DatabasePlace): Promise<Map<string, number>> {
  const names = { from: withoutPassword(from.address), to: withoutPassword(to.address) };
  const refuse = (detail: string) => new Fault('databaseCopy', { ...names, detail });
  if (from.address === to.address) throw refuse('they are the same');
  if (!isPostgresUrl(from.address) && !existsSync(from.address)) throw refuse(`there is no file ${from.address}`);
  const source = openDatabase(from.address);
  try {
    const pending = await pendingMigrations(source);
    if (pending.length > 0) throw refuse('the first is not of this version of Ingot; run `ingot db sync` on it first');
    await openSealer(source, from.keyFile);
    return await copyInto(source, { from, to }, refuse);
  } finally {
    await source.destroy();
  }
}

async function copyInto(source: Database, { from, to }: Record<'from' | 'to', DatabasePlace>, refuse: Refuse) {
  const target = openDatabase(to.address);
  try {
    await migrate(target);
    const full = await firstFullTable(target);
    if (full !== undefined) throw refuse(`the second is not empty: it has ${full}`);
    await copyKey(from.keyFile, to.keyFile, refuse);
    return await target.transaction().execute((trx) => copyTables(source, trx, refuse));
  } finally {
    await target.destroy();
  }
}

type Refuse = (detail: string) => Fault;

/** The migrations themselves fill some tables. */
async function firstFullTable(target: Database): Promise<string | undefined> {
  const fresh = openDatabase(':memory:');
  try {
    await migrate(fresh);
    for (const { name } of tables) {
      const [count, initial] = [await countRows(target, name), await countRows(fresh, name)];
      if (count !== initial) return `${count} rows in ${name}`;
    }
    return undefined;
  } finally {
    await fresh.destroy();
  }
}

async function copyKey(from: string, to: string, refuse: Refuse): Promise<void> {
  if (from === to) return;
  if (existsSync(to)) {
    if ((await readFile(from, 'utf8')).trim() !== (await readFile(to, 'utf8')).trim())
      throw refuse(`the file ${to} holds the key of other secrets`);
    return;
  }
  await copyFile(from, to, constants.COPYFILE_EXCL);
}

async function copyTables(source: Database, trx: Database, refuse: Refuse): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (const { name } of tables.toReversed()) await sql`DELETE FROM ${sql.table(name)}`.execute(trx);
  for (const table of tables) {
    await copyRows(source, trx, table);
    const [count, copied] = [await countRows(source, table.name), await countRows(trx, table.name)];
    if (count !== copied) throw refuse(`${copied} of ${count} rows of ${table.name} were copied`);
    counts.set(table.name, copied);
  }
  await dialectOf(trx).countOn(trx, await dialectOf(source).counters(source));
  return counts;
}

async function copyRows(source: Database, trx: Database, table: Table): Promise<void> {
  for await (const rows of readRows(source, table.name)) {
    for (const row of rows)
      for (const column of table.boolean ?? []) {
        if (row[column] !== null) row[column] = Boolean(row[column]);
      }
    await trx.insertInto(table.name).values(rows).execute();
  }
}

type Row = Record<string, unknown>;

/** By id where there is one; tables without are small, and read in one go. */
async function* readRows(source: Database, table: string): AsyncGenerator<Row[]> {
  const [first] = await readPage(source, table, sql`LIMIT 1`);
  if (first === undefined) return;
  if (!('id' in first)) {
    const rows = await readPage(source, table, sql``);
    for (let start = 0; start < rows.length; start += rowsAtOnce) yield rows.slice(start, start + rowsAtOnce);
    return;
  }
  for (let rest = sql``; ; ) {
    const rows = await readPage(source, table, sql`${rest} ORDER BY id LIMIT ${rowsAtOnce}`);
    const last = rows.at(-1);
    if (last === undefined) return;
    yield rows;
    rest = sql`WHERE id > ${last['id']}`;
  }
}

async function readPage(source: Database, table: string, rest: RawBuilder<unknown>): Promise<Row[]> {
  return (await sql<Row>`SELECT * FROM ${sql.table(table)} ${rest}`.execute(source)).rows.map((row) => ({ ...row }));
}

async function countRows(db: Database, table: string): Promise<number> {
  const { rows } = await sql<{ count: number }>`SELECT count(*) AS count FROM ${sql.table(table)}`.execute(db);
  return rows[0]?.count ?? 0;
}
