/**
 * The encryption key of secrets in the database: a file, created at the first start. The database stores the key's id,
 * so that a missing or wrong key is reported before anything is read or written.
 */

import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { type RawBuilder, sql } from 'kysely';
import { Fault } from '#domain/faults.ts';
import { writeAtomically } from '#files/write-atomically.ts';
import type { Database } from './collection.ts';
import { dialectOf } from './dialect/dialect.ts';
import { tables } from './nouns.ts';
import { isSealed, keyBytes, Sealer } from './sealing.ts';
import { SecretsKeys } from './tables/secrets-key.ts';

/** @returns the sealer of this database's secrets. Throws `secretsKey`, and then has changed nothing. */
export async function openSealer(db: Database, keyFile: string): Promise<Sealer> {
  const marker = await new SecretsKeys({ db }).find({});
  const found = readKey(keyFile);
  if (marker && !found) throw unusable(keyFile, `it is missing; the database was sealed with the key made at ${marker.made_at}`);
  const sealer = new Sealer(found ?? (await makeKey(keyFile)));
  if (marker && marker.id !== sealer.id) throw unusable(keyFile, 'the database was sealed with another key');
  if (!marker) await sealAll(db, sealer);
  await rewriteOnce(db);
  return sealer;
}

function unusable(file: string, detail: string, cause?: unknown): Fault {
  return new Fault('secretsKey', { file, detail }, cause);
}

function readKey(file: string): Buffer | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw unusable(file, `it cannot be read: ${(error as Error).message}`, error);
  }
  const key = Buffer.from(text.trim(), 'base64');
  if (key.length !== keyBytes) throw unusable(file, `it must hold ${keyBytes} bytes in base64, not ${key.length}`);
  return key;
}

/** Synced to disk before anything is encrypted: after a power cut there must be no secrets without their key. */
async function makeKey(file: string): Promise<Buffer> {
  const key = randomBytes(keyBytes);
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    await writeAtomically(file, `${key.toString('base64')}\n`);
  } catch (error) {
    throw unusable(file, `it cannot be made: ${(error as Error).message}`, error);
  }
  return key;
}

/** Encrypts rows written before there was a key; all or none. */
async function sealAll(db: Database, sealer: Sealer): Promise<void> {
  // Overwritten values leave no copy, even if a crash occurs before the file is rewritten.
  await dialectOf(db).overwriteSecurely(db);
  await db.transaction().execute(async (trx) => {
    let rows = 0;
    for (const { name, key = 'id', sealed = [] } of tables)
      for (const column of sealed) rows += await sealColumn(trx, { table: name, key, column, sealer });
    const made_at = new Date().toISOString();
    await new SecretsKeys({ db: trx }).insert({ id: sealer.id, made_at, rewritten_at: rows === 0 ? made_at : null });
  });
}

/**
 * Pages freed before the rows were encrypted may also hold plain text. After a crash here the next start repeats it.
 */
async function rewriteOnce(db: Database): Promise<void> {
  const keys = new SecretsKeys({ db });
  if (!(await keys.find({ rewritten_at: null }))) return;
  await dialectOf(db).rewrite(db);
  await keys.update({}, { rewritten_at: new Date().toISOString() });
}

type Place = { table: string; key: string; column: string; sealer: Sealer };

/** In batches, because there may be many operations. @returns the number of rows */
async function sealColumn(db: Database, { table, key, column, sealer }: Place): Promise<number> {
  const [from, field, id] = [sql.table(table), sql.ref(column), sql.ref(key)];
  let [last, count]: [number | string | undefined, number] = [undefined, 0];
  for (;;) {
    const rest: RawBuilder<unknown> = last === undefined ? sql`` : sql`WHERE ${id} > ${last}`;
    const query = sql<{ key: number | string; value: string | null }>`
      SELECT ${id} AS key, ${field} AS value FROM ${from} ${rest} ORDER BY ${id} LIMIT 500`;
    const { rows } = await query.execute(db);
    if (rows.length === 0) return count;
    for (const { key, value } of rows) {
      last = key;
      if (value === null || isSealed(value)) continue;
      await sql`UPDATE ${from} SET ${field} = ${sealer.seal(value, `${table}.${column}`)} WHERE ${id} = ${key}`.execute(db);
      count += 1;
    }
  }
}
