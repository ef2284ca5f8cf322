import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Node } from '#store/tables/nodes.ts';
import { anAvailableNode, anImage, aServerRequest, aStep, type Cloud, testCloud, untilIdle } from '#test/a-cloud.ts';

const user = { project_id: aServerRequest.project_id, is_admin: true };

async function untilState({ store }: Cloud, { uuid }: Node, state: Node['provision_state']): Promise<Node> {
  for (;;) {
    const now = await store.nodes.find({ uuid });
    if (now?.provision_state === state) return now;
    await new Promise(setImmediate);
  }
}

/** A cloud whose deployments wait. */
const aWaitingCloud = () => testCloud({ steps: [aStep('wait', async () => ({ wait: 'a word of the machine' }))] });

async function close({ engine, store }: Cloud): Promise<void> {
  await engine.stop();
  await store.close();
}

for (const verb of ['active', 'rebuild'] as const) {
  test(`an aborted ${verb} keeps the instance on its node, which can be deployed again or deleted`, async () => {
    const cloud = await aWaitingCloud();
    const node = await anAvailableNode(cloud, 'n1');
    const before = verb === 'active' ? 'available' : 'deploy failed';
    const instance_info = { image_source: anImage.id };
    await cloud.store.nodes.update({ uuid: node.uuid }, { provision_state: before, instance_info });

    await cloud.engine.setProvisionState(node.uuid, verb, { user });
    await untilState(cloud, node, 'wait call-back');
    await cloud.engine.setProvisionState(node.uuid, 'abort');
    await untilIdle(cloud);

    const aborted = (await cloud.store.nodes.find({ uuid: node.uuid })) as Node;
    assert.deepEqual([aborted.provision_state, aborted.instance_info], ['deploy failed', instance_info]);
    assert.match(aborted.last_error ?? '', /^By request, the deploy operation was aborted/);
    assert.deepEqual([aborted.must_clean, aborted.maintenance, aborted.operation_id], [true, false, null]);
    await close(cloud);
  });
}

test('a server whose deployment is aborted leaves its node', async () => {
  const cloud = await aWaitingCloud();
  const node = await anAvailableNode(cloud, 'n1');
  const [server] = await cloud.engine.createServers(aServerRequest);
  await untilState(cloud, node, 'wait call-back');

  await cloud.engine.setProvisionState(node.uuid, 'abort');
  const free = await untilState(cloud, node, 'available');
  await untilIdle(cloud);

  const failed = await cloud.store.servers.find({ id: server?.id ?? '' });
  assert.deepEqual([free.instance_uuid, failed?.vm_state, failed?.node_uuid], [null, 'error', null]);
  await close(cloud);
});
