import assert from 'node:assert/strict';
import { cpSync, fdatasync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { Kysely, sql } from 'kysely';
import { sqlite, sqliteDialect } from './sqlite.ts';
import { type SyncFile, WalSync } from './wal-sync.ts';

type Tables = { things: { id: number } };

/** A disk that syncs when the test says so, and can fail. */
class Disk {
  syncs = 0;
  fails = false;
  #isFree = false;
  readonly #waiting: (() => Promise<void>)[] = [];

  readonly sync: SyncFile = (descriptor, done) => {
    this.syncs += 1;
    const end = () => this.#sync(descriptor).then(done);
    if (this.#isFree) void end();
    else this.#waiting.push(end);
  };

  /** Ends the oldest sync, and waits until those who waited for it have seen it. */
  async end(): Promise<void> {
    await this.#waiting.shift()?.();
    await soon();
  }

  /** From now on syncs end at once. */
  free(): void {
    this.#isFree = true;
    for (const end of this.#waiting.splice(0)) void end();
  }

  async #sync(descriptor: number): Promise<Error | null> {
    if (this.fails) return new Error('EIO: i/o error, fdatasync');
    return new Promise((resolve) => fdatasync(descriptor, resolve));
  }
}

class Database extends DatabaseSync {
  checkpoints = 0;
  checkpointFails = false;

  override prepare(text: string): ReturnType<DatabaseSync['prepare']> {
    if (text.includes('wal_checkpoint')) {
      this.checkpoints += 1;
      if (this.checkpointFails) throw new Error('disk I/O error');
    }
    return super.prepare(text);
  }
}

async function open(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'ingot-wal-'));
  const disk = new Disk();
  const raw = new Database(join(folder, 'db'));
  raw.exec('CREATE TABLE things (id INTEGER PRIMARY KEY)');
  const db = new Kysely<Tables>({ dialect: sqliteDialect(raw, disk.sync) });
  t.after(async () => {
    raw.checkpointFails = false;
    disk.free();
    await db.destroy();
    rmSync(folder, { recursive: true });
  });
  const answers: string[] = [];
  const watch = (name: string, work: Promise<unknown>) =>
    work.then(
      () => answers.push(name),
      (error: Error) => answers.push(`${name}: ${error.message}`),
    );
  const add = (id: number) => db.insertInto('things').values({ id }).execute();
  const ids = async () => (await db.selectFrom('things').select('id').orderBy('id').execute()).map(({ id }) => id);
  return { folder, disk, raw, db, answers, watch, add, ids };
}

const soon = () => new Promise((resolve) => setTimeout(resolve, 20));

test('neither a write nor what was read of it is answered before the disk has it', async (t) => {
  const { disk, answers, watch, add, ids, db } = await open(t);
  void watch('write', add(1));
  await soon();
  void watch('read', ids());
  void watch(
    'transaction that reads',
    db.transaction().execute((trx) => trx.selectFrom('things').selectAll().execute()),
  );
  await soon();
  assert.deepEqual(answers, []);

  await disk.end();

  assert.deepEqual(answers.sort(), ['read', 'transaction that reads', 'write']);
  assert.equal(disk.syncs, 1);
});

test('a commit during a sync waits for the next one, which it shares with others', async (t) => {
  const { disk, answers, watch, add } = await open(t);
  for (const id of [1, 2, 3]) {
    void watch(`write ${id}`, add(id));
    await soon();
  }
  assert.equal(disk.syncs, 1);

  await disk.end();
  assert.deepEqual(answers, ['write 1']);
  await disk.end();

  assert.deepEqual(answers, ['write 1', 'write 2', 'write 3']);
  assert.equal(disk.syncs, 2);
});

test('after a failed sync a write is answered once its pages are written anew', async (t) => {
  const { folder, disk, raw, answers, watch, add } = await open(t);
  disk.fails = true;
  void watch('write', add(1));
  await soon();

  await disk.end();

  assert.deepEqual(answers, ['write']);
  assert.equal(raw.checkpoints, 1);
  // The database's file alone has it.
  cpSync(join(folder, 'db'), join(folder, 'copy'));
  const copy = new DatabaseSync(join(folder, 'copy'), { readOnly: true });
  assert.deepEqual(
    copy
      .prepare('select id from things')
      .all()
      .map(({ id }) => id),
    [1],
  );
  copy.close();
});

test('while the disk fails, writes and reads fail, and succeed when it has recovered', async (t) => {
  const { disk, raw, answers, watch, add, ids } = await open(t);
  disk.fails = true;
  raw.checkpointFails = true;
  void watch('write', add(1));
  await soon();
  await disk.end();
  void watch('read', ids());
  void watch('another write', add(2));
  await soon();
  const failed = answers.splice(0).sort();

  raw.checkpointFails = false;
  void watch('read', ids());
  await soon();

  assert.deepEqual(failed, ['another write: disk I/O error', 'read: disk I/O error', 'write: disk I/O error']);
  assert.deepEqual(answers, ['read']);
  disk.fails = false;
  disk.free();
  await add(3);
  assert.deepEqual(await ids(), [1, 2, 3]);
});

test('what was answered survives the loss of all that the disk had not synced', async (t) => {
  const { folder, disk, add, raw } = await open(t);
  const write = add(1);
  await soon();
  await disk.end();
  await write;
  // As after a power cut: both files as they are, without what the process knows.
  for (const name of ['db', 'db-wal']) cpSync(join(folder, name), join(folder, `cut-${name}`.replace('cut-db', 'cut')));
  const cut = new DatabaseSync(join(folder, 'cut'));

  assert.deepEqual(
    cut
      .prepare('select id from things')
      .all()
      .map(({ id }) => id),
    [1],
  );
  cut.close();
  assert.equal(raw.prepare('PRAGMA synchronous').get()?.['synchronous'], 1);
});

test('a database in memory has nothing to sync', async () => {
  const disk = new Disk();
  const db = new Kysely<Tables>({ dialect: sqliteDialect(':memory:', disk.sync) });
  await sql`CREATE TABLE things (id INTEGER PRIMARY KEY)`.execute(db);

  await db.insertInto('things').values({ id: 1 }).execute();

  assert.equal(disk.syncs, 0);
  await db.destroy();
});

test('never are two syncs at work, of which Linux would report an error to one', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'ingot-wal-'));
  const raw = new DatabaseSync(join(folder, 'db'));
  raw.exec('PRAGMA journal_mode = WAL; CREATE TABLE things (id INTEGER PRIMARY KEY)');
  const running: (() => void)[] = [];
  let most = 0;
  let isOver = false;
  const wal = new WalSync(raw, (_descriptor, done) => {
    if (isOver) return done(null);
    running.push(() => done(null));
    most = Math.max(most, running.length);
  });
  t.after(async () => {
    isOver = true;
    for (const end of running) end();
    await wal.close();
    raw.close();
    rmSync(folder, { recursive: true });
  });
  void wal.flush();
  void wal.flush();

  running.shift()?.();
  for (let turn = 0; turn < 10; turn += 1) {
    void wal.flush();
    await null;
  }

  assert.equal(most, 1);
});

test('a log that cannot be opened or synced is written to the database file, and the write is answered', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'ingot-wal-'));
  const raw = new Database(join(folder, 'db'));
  raw.exec('CREATE TABLE things (id INTEGER PRIMARY KEY)');
  const refusing: SyncFile = () => {
    throw new Error('EMFILE: too many open files');
  };
  const db = new Kysely<Tables>({ dialect: sqliteDialect(raw, refusing) });
  t.after(async () => {
    await db.destroy();
    rmSync(folder, { recursive: true });
  });

  await db.insertInto('things').values({ id: 1 }).execute();

  assert.equal(raw.checkpoints, 1);
});

test('a database that is busy when it is to be written anew is a failure of the database', async () => {
  const stuck = { location: () => '/', prepare: () => ({ get: () => ({ busy: 1 }) }) } as unknown as DatabaseSync;
  const refusing: SyncFile = (_descriptor, done) => done(new Error('EIO'));

  const error = await new WalSync(stuck, refusing).flush()?.catch((reason: Error) => reason);

  assert.ok(error instanceof Error);
  assert.equal(sqlite.hasFailed(error), true);
});
