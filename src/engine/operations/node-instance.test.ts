/** Instances of Ironic's API across a restart. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { anAvailableNode, aServerRequest, aStep, testCloud } from '#test/a-cloud.ts';

async function aWaitingDeployment() {
  let isReady = false;
  const wait = aStep('work', async () => (isReady ? { next: true } : { wait: 'the machine' }));
  const cloud = await testCloud({ steps: [wait] });
  const { store, engine, room } = cloud;
  const { uuid } = await anAvailableNode(cloud, 'n1');
  await store.nodes.update({ uuid }, { instance_info: { image_source: aServerRequest.image.id } });
  await engine.setProvisionState(uuid, 'active', { user: { project_id: 'p', is_admin: true } });
  const id = (await store.nodes.find({ uuid }))?.operation_id ?? '';
  while ((await store.operations.find({ id }))?.waiting_for !== 'the machine') await new Promise(setImmediate);
  await engine.stop();
  return {
    ...{ store, uuid },
    async restart() {
      isReady = true;
      const { engine } = await testCloud({ store, room, steps: [wait] });
      await engine.start();
      await engine.ended(id);
      await engine.stop();
      return (await store.nodes.find({ uuid }))!;
    },
  };
}

test('a restart goes on with the deployment of an instance', async () => {
  const { store, restart } = await aWaitingDeployment();
  const { provision_state, must_clean } = await restart();
  assert.deepEqual([provision_state, must_clean], ['active', true]);
  await store.close();
});

test('a restart aborts the deployment of an instance whose deletion was recorded', async () => {
  const { store, uuid, restart } = await aWaitingDeployment();
  await store.nodes.update({ uuid }, { target_provision_state: 'available' });
  const { must_clean } = await restart();
  const operations = await store.operations.list({ node_uuid: uuid }, { orderBy: 'created_at' });
  assert.deepEqual(
    operations.slice(0, 2).map(({ kind }) => kind),
    ['deploy', 'delete'],
  );
  assert.deepEqual([operations[0]?.state, operations[0]?.fault?.code, must_clean], ['failed', 'cancelled', true]);
  await store.close();
});
