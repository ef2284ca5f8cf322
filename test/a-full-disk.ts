/** A database that refuses to write one kind of record, as with a full disk. */
import { sql } from 'kysely';
import { dialectOf } from '#store/dialect/dialect.ts';
import type { Store } from '#store/store.ts';
import { databaseOf } from './a-store.ts';

const message = 'database or disk is full';

export async function refuseWrites(store: Store, write: 'INSERT' | 'UPDATE', table: string): Promise<void> {
  const db = databaseOf(store);
  const [on, event] = [sql.table(table), sql.raw(write)];
  if (dialectOf(db).name === 'sqlite') {
    await sql`CREATE TRIGGER disk_full BEFORE ${event} ON ${on} BEGIN SELECT RAISE(ABORT, ${sql.lit(message)}); END`.execute(db);
    return;
  }
  await sql`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
    ${sql.lit(`BEGIN RAISE EXCEPTION '${message}'; END`)}`.execute(db);
  await sql`CREATE TRIGGER disk_full BEFORE ${event} ON ${on} FOR EACH ROW EXECUTE FUNCTION refuse()`.execute(db);
}

export async function allowWrites(store: Store, table: string): Promise<void> {
  const db = databaseOf(store);
  if (dialectOf(db).name === 'sqlite') await sql`DROP TRIGGER disk_full`.execute(db);
  else await sql`DROP TRIGGER disk_full ON ${sql.table(table)}; DROP FUNCTION refuse()`.execute(db);
}
