/** What PostgreSQL does differently, on a real server: the lock, a lost session, the order of text. */
import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { inspect } from 'node:util';
import { Client } from 'pg';
import { Fault } from '#domain/faults.ts';
import { type PostgresServer, startPostgres, whyNoPostgres } from '#test/a-postgres.ts';
import { aNode, anImage } from '#test/a-task.ts';
import { UniqueViolation } from '../collection.ts';
import { compares, hasItem } from '../conditions.ts';
import { withoutPassword } from '../database-address.ts';
import { openDatabase, openStore, Store, syncSchema } from '../store.ts';

const skip = (await whyNoPostgres()) ?? false;
const server: PostgresServer | undefined = skip ? undefined : await startPostgres();
after(() => server?.stop());

let count = 0;
async function aDatabase(): Promise<string> {
  const url = await (server as PostgresServer).create(`of_test_${++count}`);
  await syncSchema(url);
  return url;
}

const isUnavailable = (words: RegExp) => (error: unknown) =>
  error instanceof Fault && error.code === 'databaseUnavailable' && error.status === 503 && words.test(error.message);

const project = (id: string, name = id) => ({ id, domain_id: 'default', name, description: '' });

suite('the session of a PostgreSQL database', { skip }, () => {
  test('is used by one Ingot; a second one is rejected until the first has stopped', async () => {
    const url = await aDatabase();
    const first = new Store({ db: openDatabase(url) });
    await first.projects.list();
    const second = new Store({ db: openDatabase(url) });

    await assert.rejects(second.projects.list(), isUnavailable(/another Ingot is using it/));

    await first.close();
    assert.deepEqual(await second.projects.list(), []);
    await second.close();
  });

  test('reconnects a lost session with its lock; uncommitted changes are gone', async () => {
    const url = await aDatabase();
    const store = new Store({ db: openDatabase(url) });
    await store.projects.insert(project('kept'));
    const cut = store.transaction(async (trx) => {
      await trx.projects.insert(project('lost'));
      await server?.cutSessions();
      await trx.projects.insert(project('never written'));
    });

    await assert.rejects(cut, isUnavailable(/the connection was lost|terminat(ed|ing)/));

    assert.deepEqual(
      (await store.projects.list()).map(({ id }) => id),
      ['kept'],
    );
    const other = new Store({ db: openDatabase(url) });
    await assert.rejects(other.projects.list(), isUnavailable(/another Ingot/));
    await Promise.all([store.close(), other.close()]);
  });

  test('that hangs fails the query at its timeout, and is used again afterwards', async () => {
    const url = await aDatabase();
    const store = new Store({ db: openDatabase(`${url}&query_timeout=500`) });
    await store.projects.insert(project('kept'));
    const operator = new Client({ connectionString: url });
    await operator.connect();
    const { rows } = await operator.query(
      `SELECT pid FROM pg_stat_activity WHERE application_name = 'ingot' AND datname = current_database()`,
    );
    await operator.end();
    const [{ pid }] = rows as [{ pid: number }];

    process.kill(pid, 'SIGSTOP');
    await assert.rejects(store.projects.list(), isUnavailable(/timeout/));
    process.kill(pid, 'SIGCONT');

    assert.equal((await store.projects.list()).length, 1);
    await store.close();
  });

  test('whose table an operator has locked fails the query at its timeout, and keeps its session', async () => {
    const url = await aDatabase();
    const store = new Store({ db: openDatabase(`${url}&lock_timeout=300`) });
    await store.projects.insert(project('kept'));
    const operator = new Client({ connectionString: url });
    await operator.connect();
    await operator.query('BEGIN; LOCK TABLE projects');

    await assert.rejects(store.projects.list(), isUnavailable(/lock timeout/));

    await operator.end();
    assert.equal((await store.projects.list()).length, 1);
    await store.close();
  });
});

suite('a PostgreSQL database', { skip }, () => {
  test('that is unreachable is reported without the password', async () => {
    const url = 'postgresql://ingot:s3cret@127.0.0.1:1/ingot?host=/nonexistent';

    await assert.rejects(openStore(url, '/nonexistent/key'), (error: Error) => {
      assert.ok(
        isUnavailable(/^The database postgresql:\/\/ingot@127\.0\.0\.1:1\/ingot cannot be used: connect ENOENT/)(error),
        error.message,
      );
      assert.doesNotMatch(JSON.stringify([error.message, error.stack]), /s3cret/);
      return true;
    });
    assert.equal(withoutPassword(url), 'postgresql://ingot@127.0.0.1:1/ingot');
  });

  test('reports the columns of a violated constraint, and rolls the transaction back', async () => {
    const store = new Store({ db: openDatabase(await aDatabase()) });
    await store.projects.insert(project('one', 'name'));

    await assert.rejects(
      store.transaction(async (trx) => {
        await trx.projects.insert(project('two', 'other name'));
        await trx.projects.insert(project('three', 'name'));
      }),
      (error: unknown) => {
        assert.ok(error instanceof UniqueViolation);
        assert.deepEqual([error.table, error.columns], ['projects', ['domain_id', 'name']]);
        return true;
      },
    );

    assert.deepEqual(
      (await store.projects.list()).map(({ id }) => id),
      ['one'],
    );
    await store.close();
  });

  test('quotes no row in the error of a statement that it refuses', async () => {
    const store = new Store({ db: openDatabase(await aDatabase()) });
    const { uuid: _, ...node } = aNode({ extra: { word: 'quoted-secret' } });

    const error = await store.nodes.insert(node as never).catch((failure: unknown) => failure);

    assert.match(String(error), /not-null/);
    assert.doesNotMatch(inspect(error, { depth: 9 }), /quoted-secret/);
    await store.close();
  });

  test('has failed if its session or its server has, and not if it refuses a value', async () => {
    const store = new Store({ db: openDatabase(await aDatabase()) });
    await store.projects.insert(project('one'));
    const errorOf = (work: Promise<unknown>) =>
      work.then(
        () => assert.fail('it is accepted'),
        (error: unknown) => error,
      );
    const twice = await errorOf(store.projects.insert(project('one')));
    const empty = await errorOf(store.nodes.insert(aNode({ driver: null as never })));
    const lost = await errorOf(
      store.transaction(async (trx) => {
        await server?.cutSessions();
        await trx.projects.list();
      }),
    );

    const failed = [twice, empty, lost, new TypeError('a defect'), null].map((error) => store.hasFailed(error));

    assert.deepEqual(failed, [false, false, true, false, false]);
    await store.close();
  });

  test('sorts text by code point and compares ASCII case-insensitively, whatever its locale, as SQLite does', async () => {
    const names = ['b', 'B', 'a', 'Ä', 'ä', 'Z', 'é', '_', 'a b'];
    const store = new Store({ db: openDatabase(await aDatabase()) });
    for (const [index, name] of names.entries()) await store.nodes.insert(aNode({ id: index + 1, uuid: `u${index}`, name }));

    const sorted = (await store.nodes.pick(['name'], {}, { orderBy: 'name' })).map(({ name }) => name);
    const found = (await store.nodes.listHypervisors('Ä')).map(({ name }) => name);
    const foundByCase = (await store.nodes.listHypervisors('A')).map(({ name }) => name);
    await store.close();

    assert.deepEqual(
      sorted,
      names.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
    );
    assert.deepEqual([found, foundByCase], [['Ä'], ['a', 'a b']]);
  });

  test('finds nothing for a value that it cannot store, instead of failing', async () => {
    const store = new Store({ db: openDatabase(await aDatabase()) });
    await store.images.insert(anImage({ min_disk: 3_000_000_000, tags: ['red'] }));

    assert.equal(await store.images.find({ name: 'a\0b' }), undefined);
    assert.deepEqual(await store.images.list([hasItem('tags', ['a\0b'])]), []);
    assert.deepEqual(await store.images.list([compares('min_disk', '>', 1e30)]), []);
    assert.equal((await store.images.list([compares('min_disk', '>', -1e30), hasItem('tags', ['red'])])).length, 1);
    assert.equal((await store.images.find({ min_disk: 3_000_000_000 }))?.min_disk, 3_000_000_000);
    await store.close();
  });
});
