import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Kysely, type RawBuilder, sql } from 'kysely';
import { sqlite, sqliteDialect } from './sqlite.ts';

type Tables = { things: { id: number; name: string; size?: number } };

async function openThings(): Promise<Kysely<Tables>> {
  const db = new Kysely<Tables>({ dialect: sqliteDialect(':memory:') });
  await sql`CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT)`.execute(db);
  await db.insertInto('things').values({ id: 1, name: 'one' }).execute();
  return db;
}

test('a prepared query sees columns that were added or dropped later', async () => {
  const db = await openThings();
  const read = () => db.selectFrom('things').selectAll().execute();
  await read();

  await sql`ALTER TABLE things ADD COLUMN size INTEGER DEFAULT 7`.execute(db);
  const more = await read();
  await sql`ALTER TABLE things DROP COLUMN name`.execute(db);
  const fewer = await read();

  assert.deepEqual([...more, ...fewer].map(Object.entries), [
    [
      ['id', 1],
      ['name', 'one'],
      ['size', 7],
    ],
    [
      ['id', 1],
      ['size', 7],
    ],
  ]);
  await db.destroy();
});

test('the same query returns the rows of each of its parameters', async () => {
  const db = await openThings();
  await db.insertInto('things').values({ id: 2, name: 'two' }).execute();
  const nameOf = async (id: number) => (await db.selectFrom('things').select('name').where('id', '=', id).execute())[0]?.name;

  const names = [await nameOf(1), await nameOf(2), await nameOf(3)];

  assert.deepEqual(names, ['one', 'two', undefined]);
  await db.destroy();
});

test('more queries than the prepared statement cache holds all work', async () => {
  const db = await openThings();
  const ids = (length: number) => Array.from({ length }, (_, index) => index + 1);
  const count = async (length: number) =>
    (await db.selectFrom('things').select('id').where('id', 'in', ids(length)).execute()).length;

  for (let length = 1; length <= 400; length++) await count(length);
  const again = await count(1);

  assert.equal(again, 1);
  await db.destroy();
});

test('a full disk is a failure of the database; a refused value is not, nor is an error of the caller', async () => {
  const db = await openThings();
  const errorOf = (statement: RawBuilder<unknown>) =>
    statement.execute(db).then(
      () => assert.fail('it is accepted'),
      (error: Error) => error,
    );
  await sql`PRAGMA max_page_count = 1`.execute(db);
  const full = await errorOf(sql`CREATE TABLE more (id INTEGER)`);
  const twice = await errorOf(sql`INSERT INTO things (id, name) VALUES (1, 'again')`);
  const unbindable = await errorOf(sql`SELECT ${{ a: 1 }}`);

  const failed = [full, twice, unbindable, new TypeError('a defect')].map((error) => sqlite.hasFailed(error));

  assert.match(full.message, /full/);
  assert.deepEqual(failed, [true, false, false, false]);
  await db.destroy();
});
