import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { Kysely, sql } from 'kysely';
import { dialectOf } from './dialect.ts';
import { sqliteDialect } from './sqlite.ts';

type Tables = { things: { id: number; name: string } };

/** Counts its commits; the next one fails if the test says so. */
class CountingDatabase extends DatabaseSync {
  commits = 0;
  failsNext = false;

  override exec(text: string): void {
    if (text === 'commit') {
      this.commits += 1;
      if (this.failsNext) {
        this.failsNext = false;
        throw new Error('disk I/O error');
      }
    }
    super.exec(text);
  }
}

async function open(t: TestContext) {
  const raw = new CountingDatabase(':memory:');
  const db = new Kysely<Tables>({ dialect: sqliteDialect(raw) });
  t.after(() => db.destroy());
  await sql`CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT NOT NULL)`.execute(db);
  raw.commits = 0;
  const add = (id: number, on: Pick<Kysely<Tables>, 'insertInto'> = db) =>
    on
      .insertInto('things')
      .values({ id, name: `thing ${id}` })
      .execute();
  const ids = async () => (await db.selectFrom('things').select('id').orderBy('id').execute()).map(({ id }) => id);
  return { raw, db, add, ids };
}

test('commits together what arrives together, and answers each when that is done', async (t) => {
  const { raw, db, add, ids } = await open(t);
  const atAnswer: number[] = [];
  const answered = () => void atAnswer.push(raw.commits);

  await Promise.all([
    add(1).then(answered),
    db
      .transaction()
      .execute((trx) => add(2, trx))
      .then(answered),
    add(3).then(answered),
    ids().then(answered),
  ]);

  assert.deepEqual(atAnswer, [1, 1, 1, 1]);
  assert.deepEqual(await ids(), [1, 2, 3]);
});

test('a failed commit fails every write of it, and what was read from it is read again', async (t) => {
  const { raw, add, ids } = await open(t);
  raw.failsNext = true;

  const results = await Promise.allSettled([add(1), add(2), ids()]);

  assert.deepEqual(
    results.map((result) => (result.status === 'rejected' ? result.reason.message : result.value)),
    ['disk I/O error', 'disk I/O error', []],
  );
  await add(3);
  assert.deepEqual(await ids(), [3]);
});

test('a statement or transaction that fails takes nothing of the others with it', async (t) => {
  const { db, add, ids } = await open(t);
  const failing = db.transaction().execute(async (trx) => {
    await add(2, trx);
    await add(2, trx);
  });

  const results = await Promise.allSettled([add(1), failing, add(1), add(3)]);

  assert.deepEqual(
    results.map(({ status }) => status),
    ['fulfilled', 'rejected', 'rejected', 'fulfilled'],
  );
  assert.deepEqual(await ids(), [1, 3]);
});

test('transactions follow one another: no other statement comes between their own', async (t) => {
  const { db, add } = await open(t);
  await add(1);
  const rename = (suffix: string) =>
    db.transaction().execute(async (trx) => {
      const { name } = await trx.selectFrom('things').select('name').where('id', '=', 1).executeTakeFirstOrThrow();
      await new Promise(setImmediate);
      await trx
        .updateTable('things')
        .set({ name: name + suffix })
        .where('id', '=', 1)
        .execute();
    });

  await Promise.all([rename(' a'), db.updateTable('things').set({ name: 'x' }).execute(), rename(' b')]);

  const { name } = await db.selectFrom('things').select('name').executeTakeFirstOrThrow();
  assert.equal(name, 'x b');
});

test('what the database rolls back itself, as on a full disk, fails all that was to be committed with it', async (t) => {
  const { db, add, ids } = await open(t);
  await sql`CREATE TRIGGER full BEFORE INSERT ON things WHEN new.id = 3 BEGIN SELECT RAISE(ROLLBACK, 'full'); END`.execute(db);
  const first = add(1);
  const caught = db.transaction().execute(async (trx) => {
    await add(2, trx);
    await add(3, trx).catch(() => {});
    await add(4, trx);
  });

  const results = await Promise.allSettled([first, caught]);

  assert.deepEqual(
    results.map(({ status }) => status),
    ['rejected', 'rejected'],
  );
  assert.deepEqual(await ids(), []);
  await add(5);
  assert.deepEqual(await ids(), [5]);
});

test('maintenance of the whole database runs outside of any transaction, after what came before it', async (t) => {
  const { db, add, ids } = await open(t);

  await Promise.all([add(1), sql`VACUUM`.execute(db), add(2)]);

  assert.deepEqual(await ids(), [1, 2]);
});

test('closing commits what was written, and ends a transaction that runs', async () => {
  const raw = new CountingDatabase(':memory:');
  const db = new Kysely<Tables>({ dialect: sqliteDialect(raw) });
  await sql`CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT NOT NULL)`.execute(db);
  const begun = Promise.withResolvers<void>();
  const held = Promise.withResolvers<void>();
  const running = db.transaction().execute(async (trx) => {
    await trx.insertInto('things').values({ id: 1, name: 'a' }).execute();
    begun.resolve();
    await held.promise;
    await trx.insertInto('things').values({ id: 2, name: 'b' }).execute();
  });
  await begun.promise;

  await db.destroy();
  held.resolve();

  await assert.rejects(running);
  assert.equal(raw.isOpen, false);
});

test('a statement after the end of its transaction does not become a part of another one', async (t) => {
  const { db, add, ids } = await open(t);
  const insertion = (id: number) => db.insertInto('things').values({ id, name: 'late' }).compile();
  const late = await db.transaction().execute(async (trx) => {
    await add(1, trx);
    return dialectOf(trx).direct?.ofTransaction();
  });

  const other = db.transaction().execute(async (trx) => {
    await add(2, trx);
    await assert.rejects(async () => late?.(insertion(3)), /transaction of this statement is over/);
    throw new Error('rolled back');
  });

  await assert.rejects(other, /rolled back/);
  await assert.rejects(async () => late?.(insertion(4)), /transaction of this statement is over/);
  assert.deepEqual(await ids(), [1]);
});

test('while the database is closed, statements past the executor fail, and none is left without an answer', async () => {
  const db = new Kysely<Tables>({ dialect: sqliteDialect(':memory:') });
  await sql`CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT NOT NULL)`.execute(db);
  const run = dialectOf(db).direct?.run;
  const results: Promise<unknown>[] = [];
  let isClosed = false;
  const closing = db.destroy().then(() => {
    isClosed = true;
  });
  for (let id = 1; !isClosed && id < 100; id += 1) {
    results.push(Promise.resolve(run?.(db.insertInto('things').values({ id, name: 'late' }).compile())));
    await null;
  }

  await closing;
  const ends = await Promise.allSettled(results);

  assert.equal(isClosed, true);
  assert.equal(ends.at(-1)?.status, 'rejected');
});
