import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { openStore } from './store.ts';

const store = await openStore(':memory:');
after(() => store.close());

const at = '2026-01-01T00:00:00.000Z';

test('queries of one form keep their own values, also lists and missing ones', async () => {
  for (const id of ['a', 'b', 'c']) await store.deleted_images.insert({ id, deleted_at: at });
  const idsOf = async (where: Parameters<typeof store.deleted_images.list>[0]) =>
    (await store.deleted_images.list(where)).map(({ id }) => id).sort();

  const found = [
    await idsOf({ id: 'a' }),
    await idsOf({ id: 'b' }),
    await idsOf({ id: ['a', 'b'] }),
    await idsOf({ id: ['b', 'c'] }),
    await idsOf({ id: ['c'] }),
    await idsOf({ id: [] }),
    await idsOf({}),
    await idsOf({ id: 'a', deleted_at: at }),
    await idsOf({ deleted_at: 'another time', id: 'a' }),
  ];

  assert.deepEqual(found, [['a'], ['b'], ['a', 'b'], ['b', 'c'], ['c'], [], ['a', 'b', 'c'], ['a'], []]);
});

test('distinguishes NULL from a value in conditions and changes', async () => {
  const health = { state: 'ok', since: at, answered_at: at, latency_ms: 1, failures: 0, next_poll_at: null } as const;
  await store.transaction(async (trx) => {
    await trx.bmc_health.insert({ node_uuid: 'one', ...health, message: null });
    await trx.bmc_health.insert({ node_uuid: 'two', ...health, message: 'silent' });
  });
  const nodes = async (message: string | null) => (await store.bmc_health.list({ message })).map(({ node_uuid }) => node_uuid);
  const before = [await nodes(null), await nodes('silent')];

  const changed = [
    await store.bmc_health.update({ node_uuid: 'two' }, { message: null, failures: 3 }),
    await store.bmc_health.update({ node_uuid: 'one' }, { failures: 4, message: 'refused' }),
    await store.bmc_health.update({ message: 'nobody has this' }, { failures: 5 }),
  ];

  assert.deepEqual(before, [['one'], ['two']]);
  assert.deepEqual(changed, [1, 1, 0]);
  assert.deepEqual([await nodes(null), await nodes('refused'), await nodes('silent')], [['two'], ['one'], []]);
  assert.deepEqual((await store.bmc_health.list({ node_uuid: ['one', 'two'] })).map(({ failures }) => failures).sort(), [3, 4]);
});
