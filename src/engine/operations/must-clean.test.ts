import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '#domain/faults.ts';
import type { Node } from '#store/tables/nodes.ts';
import { anAvailableNode, aServerRequest, aStep, type Cloud, testCloud, untilIdle } from '#test/a-cloud.ts';
import { aRequester, cleanAsAgent } from '#test/an-agent.ts';

const go = async () => ({ next: true }) as const;

const nodeOf = async (cloud: Cloud, { uuid }: Node): Promise<Node> => (await cloud.store.nodes.find({ uuid }))!;

async function untilState(cloud: Cloud, node: Node, state: Node['provision_state']): Promise<Node> {
  for (;;) {
    const now = await nodeOf(cloud, node);
    if (now.provision_state === state) return now;
    await new Promise(setImmediate);
  }
}

/** A node whose server is deleted and whose cleaning was aborted. */
async function aDirtyNode(cloud: Cloud): Promise<Node> {
  const node = await anAvailableNode(cloud, 'n1');
  const [server] = await cloud.engine.createServers(aServerRequest);
  await untilIdle(cloud);
  await cloud.engine.deleteServer(server!.id);
  await untilState(cloud, node, 'clean wait');
  await cloud.engine.setProvisionState(node.uuid, 'abort');
  return untilState(cloud, node, 'clean failed');
}

test('cleans a node whose cleaning failed when it is provided', async () => {
  const cloud = await testCloud({ steps: [aStep('work', go)] });
  const dirty = await aDirtyNode(cloud);
  assert.deepEqual([dirty.maintenance, dirty.must_clean], [false, true]);
  await cloud.engine.setProvisionState(dirty.uuid, 'manage');
  await cloud.engine.setProvisionState(dirty.uuid, 'provide');
  await untilState(cloud, dirty, 'clean wait');
  const [server] = await cloud.engine.createServers(aServerRequest);
  assert.equal(server?.fault?.code, 'noValidHost');

  await cleanAsAgent(cloud, dirty);
  const clean = await untilState(cloud, dirty, 'available');
  assert.equal(clean.must_clean, false);
  await cloud.engine.stop();
  await cloud.store.close();
});

test('provides a node at once if it was cleaned manually or never had a server', async () => {
  const cloud = await testCloud({ steps: [aStep('work', go)] });
  const node = await aDirtyNode(cloud);
  await cloud.engine.setProvisionState(node.uuid, 'manage');
  await cloud.engine.setProvisionState(node.uuid, 'clean');
  await untilState(cloud, node, 'clean wait');
  await cleanAsAgent(cloud, node);
  await untilState(cloud, node, 'manageable');
  await untilIdle(cloud);
  await cloud.engine.setProvisionState(node.uuid, 'provide');
  assert.equal((await nodeOf(cloud, node)).provision_state, 'available');

  await cloud.engine.setProvisionState(node.uuid, 'manage');
  await cloud.engine.setProvisionState(node.uuid, 'provide');
  assert.equal((await nodeOf(cloud, node)).provision_state, 'available');
  await cloud.engine.stop();
  await cloud.store.close();
});

test('rejects provision verbs that would take a node from its server', async () => {
  let isBroken = false;
  const cloud = await testCloud({
    steps: [
      aStep('work', async () => {
        if (isBroken) throw new Fault('agentFailed', { command: 'write', detail: 'no' });
        return { next: true };
      }),
    ],
  });
  const node = await anAvailableNode(cloud, 'n1');
  const [server] = await cloud.engine.createServers(aServerRequest);
  await untilIdle(cloud);
  isBroken = true;
  await cloud.engine.rebuildServer(server!.id, { image: aServerRequest.image });
  await untilIdle(cloud);
  assert.equal((await nodeOf(cloud, node)).provision_state, 'deploy failed');
  await assert.rejects(cloud.engine.setProvisionState(node.uuid, 'manage'), /is associated with instance/);
  await cloud.engine.stop();
  await cloud.store.close();
});

test('cleans a node whose deployment failed after the classic ramdisk exported the disk', async () => {
  const key = 'k'.repeat(32);
  const cloud = await testCloud({
    steps: [
      aStep('key', async () => ({ next: true, context: { deployment_key: key } })),
      aStep('listen', async (task) => {
        if (!task.message('deploy-post')) return { wait: 'the deploy POST' };
        throw new Fault('ramdiskError', { detail: 'disk on fire' });
      }),
    ],
  });
  const node = await anAvailableNode(cloud, 'n1');
  await cloud.engine.createServers(aServerRequest);
  await untilState(cloud, node, 'wait call-back');
  await cloud.engine.deployPost({ i: String(node.id), k: key, a: '10.0.0.5', n: 'iqn.x' }, aRequester('10.0.0.5'));
  const { must_clean } = await untilState(cloud, node, 'clean wait');
  assert.equal(must_clean, true);
  await cloud.engine.stop();
  await cloud.store.close();
});
