import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allowWrites, refuseWrites } from '#test/a-full-disk.ts';
import { aStore } from '#test/a-store.ts';

const note = (subject: string) => ({ kind: 'note', subject, message: subject, node_uuid: 'n' }) as const;

test('keeps a record that cannot be written, in order, until it can', async () => {
  const store = await aStore();
  await refuseWrites(store, 'INSERT', 'events');
  store.events.append(note('one'));
  await assert.rejects(store.events.flush(), /disk is full/);
  store.events.append(note('two'));
  await assert.rejects(store.events.list({ node_uuid: 'n' }), /disk is full/);

  await allowWrites(store, 'events');
  store.events.append(note('three'));
  const events = await store.events.list({ node_uuid: 'n' });
  assert.deepEqual(
    events.map(({ subject }) => subject),
    ['one', 'two', 'three'],
  );
  await store.close();
});

test('writes a burst in pieces if it exceeds one SQLite statement', async () => {
  const store = await aStore();
  const count = 5000;
  for (let index = 0; index < count; index++) store.events.append(note(String(index)));
  const events = await store.events.list({ node_uuid: 'n', limit: count + 1 });
  assert.deepEqual([events.length, events[0]?.subject, events.at(-1)?.subject], [count, '0', String(count - 1)]);
  await store.close();
});

test('records what a transaction appends when it is committed, and nothing if it is rolled back', async () => {
  const store = await aStore();
  const recorded = async () => (await store.events.list({ node_uuid: 'n' })).map(({ subject }) => subject);
  const append = (subject: string) =>
    store.transaction(async (trx) => {
      await trx.transaction(async (same) => same.events.append(note(subject)));
      await trx.nodes.list();
      if (subject === 'lost') throw new Error('rolled back');
    });

  await assert.rejects(append('lost'), /rolled back/);
  await append('kept');

  assert.deepEqual(await recorded(), ['kept']);
  await store.close();
});
