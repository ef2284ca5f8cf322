import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { Kysely, sql } from 'kysely';
import { aNode } from '#test/a-task.ts';
import { sqliteDialect } from './dialect/sqlite.ts';
import { RowsOfTable } from './known-rows.ts';
import { migrate } from './migrate.ts';
import { Store } from './store.ts';
import type { Node } from './tables/nodes.ts';

/** `behind` writes past the store, as nothing else may: what was kept is then seen unchanged. */
async function open(t: TestContext) {
  const raw = new DatabaseSync(':memory:');
  const db = new Kysely<never>({ dialect: sqliteDialect(raw) });
  await migrate(db);
  const store = new Store({ db });
  t.after(() => store.close());
  const { uuid } = await store.nodes.insert(aNode({ name: 'first' }));
  const nameOf = async () => (await store.nodes.find({ uuid }))?.name;
  const behind = (name: string) => void raw.prepare('UPDATE nodes SET name = ? WHERE uuid = ?').run(name, uuid);
  return { store, db, uuid, nameOf, behind };
}

test('reads a row once, also in a transaction, and its columns', async (t) => {
  const { store, uuid, nameOf, behind } = await open(t);
  assert.equal(await nameOf(), 'first');

  behind('second');

  assert.equal(await nameOf(), 'first');
  assert.deepEqual(await store.nodes.pick(['name', 'uuid'], { uuid }), [{ name: 'first', uuid }]);
  assert.equal(await store.transaction(async (trx) => (await trx.nodes.find({ uuid }))?.name), 'first');
  assert.equal((await store.nodes.list())[0]?.name, 'second');
});

test('reads it again after every write that may have changed it, and no other', async (t) => {
  const { store, db, uuid, nameOf, behind } = await open(t);
  const other = await store.nodes.insert(aNode({ id: 2, uuid: crypto.randomUUID(), name: 'other' }));
  const writes: Record<string, () => Promise<unknown>> = {
    'by its key': () => store.nodes.update({ uuid }, { description: 'a' }),
    'by its key and more': () => store.nodes.update({ uuid, operation_id: null }, { driver_info: {} }),
    'in a transaction': () => store.transaction((trx) => trx.nodes.update({ uuid }, { extra: { a: 1 } })),
    'by another column': () => store.nodes.update({ name: 'other' }, { description: 'b' }),
    'by several keys': () => store.nodes.update({ uuid: [uuid, other.uuid] }, { description: 'c' }),
    'of the key itself': () => store.nodes.update({ uuid: 'none' }, { uuid: 'no other' }),
    'by the query builder': () =>
      (db as Kysely<{ nodes: { uuid: string; description: string } }>)
        .updateTable('nodes')
        .set({ description: "'?" })
        .where((where) => where.or([where('uuid', '=', other.uuid), where('description', '=', 'c')]))
        .execute(),
    'as text': () => sql`UPDATE nodes SET description = 'd'`.execute(db),
    'that fails': () => store.nodes.update({ uuid }, { name: 'other' }).catch(() => {}),
  };
  for (const [title, write] of Object.entries(writes)) {
    await nameOf();
    behind(title);
    await write();
    assert.equal(await nameOf(), title);
  }

  behind('unseen');
  await store.nodes.update({ uuid: other.uuid }, { description: 'e' });
  await store.nodes.remove({ uuid: 'none' }).then(nameOf);
  behind('unseen, too');
  await store.servers.update({ id: uuid }, { vm_state: 'error' });
  assert.equal(await nameOf(), 'unseen');
});

test('a row that is written while it is read is read again', async (t) => {
  const { store, uuid, nameOf } = await open(t);

  await Promise.all([nameOf(), store.nodes.update({ uuid }, { name: 'second' }), nameOf()]);

  assert.equal(await nameOf(), 'second');
});

test('what a transaction reads and writes is not kept', async (t) => {
  const { store, uuid, nameOf } = await open(t);
  const undone = store.transaction(async (trx) => {
    await trx.nodes.update({ uuid }, { name: 'undone' });
    assert.equal((await trx.nodes.find({ uuid }))?.name, 'undone');
    throw new Error('no');
  });

  await Promise.all([assert.rejects(undone, /no/), nameOf()]);

  assert.equal(await nameOf(), 'first');
});

test('keeps also that a node has no locks, until it has one, and forgets those of a deleted node', async (t) => {
  const { store, uuid } = await open(t);
  const at = new Date().toISOString();
  const lock = { id: 'one', node_uuid: uuid, kind: 'all', reason: 'r', expires_at: null, created_at: at } as const;
  const locks = async () => (await store.node_locks.inForce(uuid)).map(({ id }) => id);
  const found = [await locks()];

  await store.node_locks.insert({ ...lock, project_id: 'p', user_id: 'u', user_name: 'n' });
  found.push(await locks(), await locks());
  await store.nodes.remove({ uuid });
  found.push(await locks());

  assert.deepEqual(found, [[], ['one'], ['one'], []]);
});

test('readers have records of their own, whose members cannot be changed', async (t) => {
  const { store, uuid } = await open(t);
  await store.nodes.update({ uuid }, { extra: { list: [{ a: 1 }] } });
  const read = async () => (await store.nodes.find({ uuid })) as Node;
  const [one, other] = [await read(), await read()];

  one.name = 'changed';

  assert.equal(other.name, 'first');
  assert.throws(() => ((one.extra['list'] as { a: number }[])[0] as { a: number }).a++, TypeError);
});

test('of a closed store nothing is known', async (t) => {
  const { store, nameOf } = await open(t);
  await nameOf();

  await store.close();

  await assert.rejects(nameOf(), /closed/);
});

test('keeps few queries, and no long ones', async () => {
  const rows = new RowsOfTable('uuid');
  const read = (key: string, size: number) => rows.read(key, '', async () => ({ records: [{ key }], size }));

  await read('long', 100_000);
  await read('first', 10);
  await read('second', 10);
  rows.get('first', '');
  for (let key = 0; key < 1999; key++) await read(`${key}`, 10);
  const isKept = (key: string) => rows.get(key, '') !== undefined;
  const few = ['long', 'first', 'second', '0', '1998'].map(isKept);
  for (let key = 0; key < 100; key++) await read(`large ${key}`, 60_000);

  assert.deepEqual(few, [false, true, false, true, true]);
  assert.deepEqual(['first', '1998', 'large 0', 'large 99'].map(isKept), [false, false, false, true]);
});
