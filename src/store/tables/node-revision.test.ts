import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { aStore } from '#test/a-store.ts';
import { aNode } from '#test/a-task.ts';

const store = await aStore();
after(() => store.close());
const { uuid } = await store.nodes.insert(aNode());
const revision = async () => (await store.nodes.find({ uuid }))?.revision;

test('raises the revision with each change of the connection to the machine, and no other', async () => {
  assert.equal(await revision(), 0);
  for (const patch of [{ driver_info: { a: 1 } }, { driver: 'redfish' }, { power_interface: 'redfish' }])
    await store.nodes.update({ uuid }, patch);
  assert.equal(await revision(), 3);

  await store.nodes.update({ uuid }, { power_state: 'power on', extra: { a: 1 }, name: 'other', instance_info: {} });
  assert.equal(await revision(), 3);
});

test('an update that names a former revision changes nothing', async () => {
  const before = await revision();

  const changed = await store.nodes.update({ uuid, revision: (before ?? 0) - 1 }, { driver_info: { a: 2 } });

  assert.deepEqual([changed, await revision()], [0, before]);
});
