import assert from 'node:assert/strict';
import { test } from 'node:test';
import { anAvailableNode, aServerRequest, aStep, testCloud, untilIdle } from '#test/a-cloud.ts';

test("a power event names the server on the node, and no instance of Ironic's API", async () => {
  const cloud = await testCloud({
    settings: { 'power.sync_interval': '1' },
    steps: [aStep('work', async () => ({ next: true }))],
  });
  const first = await anAvailableNode(cloud, 'n1');
  const [server] = await cloud.engine.createServers(aServerRequest);
  await untilIdle(cloud);
  const second = await anAvailableNode(cloud, 'n2');
  const instance_uuid = '22222222-2222-4222-8222-222222222222';
  await cloud.store.nodes.update({ uuid: second.uuid }, { instance_uuid, provision_state: 'active' });
  for (const { uuid } of [first, second]) {
    await cloud.store.nodes.update({ uuid }, { power_state: 'power on' });
    cloud.room.power.set(uuid, 'power off');
  }
  await cloud.engine.start();
  const found = async () => {
    const events = await cloud.store.events.list({ limit: 1000 });
    const changes = events.filter(({ kind, message }) => kind === 'power' && message.startsWith('was found'));
    return new Map(changes.map(({ node_uuid, server_id }) => [node_uuid, server_id]));
  };
  while ((await found()).size < 2) await new Promise(setImmediate);
  assert.deepEqual([(await found()).get(first.uuid), (await found()).get(second.uuid)], [server?.id, null]);
  await cloud.engine.stop();
  await cloud.store.close();
});
