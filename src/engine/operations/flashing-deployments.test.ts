/** Deployments that update firmware: a machine that loses its power meanwhile may never start again. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Fault } from '#domain/faults.ts';
import type { FirmwareProgress } from '#drivers/interfaces.ts';
import { simpleStep } from '#drivers/network-boot-steps.ts';
import { aFlavor, anAvailableNode, aServerRequest, type Cloud, testCloud, untilIdle, untilState } from '#test/a-cloud.ts';

const trait = 'CUSTOM_FLASHED';
const flavor = { ...aFlavor, extra_specs: { [`trait:${trait}`]: 'required' } };
const request = { ...aServerRequest, flavor };
const args = { settings: [{ component: 'BMC', url: 'http://192.0.2.1/fw' }] };

/** Two nodes, whose servers are deployed with a firmware update after the image is written. */
async function aFixture(t: TestContext, pollUpdate: () => Promise<FirmwareProgress | undefined>) {
  const task = { id: '/tasks/1', request: 'POST /update' };
  const write = simpleStep({ name: 'write', title: 'write', deadlineSeconds: 10 }, ({ power }) => power.set('power on'));
  const cloud = await testCloud({
    steps: [{ ...write, core: 'deploy' }],
    firmware: { readComponents: async () => [], startUpdate: async () => ({ task, againIn: 0.001 }), pollUpdate },
  });
  const { engine, store, room } = cloud;
  t.after(async () => {
    await engine.stop();
    await store.close();
  });
  const steps = [{ interface: 'firmware', step: 'update', args, priority: 50 }] as const;
  await store.deploy_templates.insert({ uuid: 't', name: trait, steps: [...steps], extra: {}, created_at: '', updated_at: null });
  const sent: string[] = [];
  room.bmcFault = (_, command) => {
    if (command !== 'status') sent.push(command);
    return undefined;
  };
  const nodes = [await anAvailableNode(cloud, 'n1'), await anAvailableNode(cloud, 'n2')] as const;
  for (const { uuid } of nodes) await store.nodes.update({ uuid }, { traits: [trait] });
  return { cloud, sent, nodes };
}

const serverOf = ({ store }: Cloud, id: string) => store.servers.find({ id });

test('the deletion of a server waits until a firmware update of its deployment has ended', async (t) => {
  const asked = Promise.withResolvers<void>();
  const end = Promise.withResolvers<undefined>();
  const { cloud, sent, nodes } = await aFixture(t, () => {
    asked.resolve();
    return end.promise;
  });
  const [server] = await cloud.engine.createServers(request);
  await asked.promise;

  await cloud.engine.deleteServer(server!.id);
  assert.deepEqual([sent, (await serverOf(cloud, server!.id))?.task_state], [['power on'], 'deleting']);
  end.resolve(undefined);
  await untilState(cloud, nodes[0].uuid, 'cleaning');
  assert.equal((await serverOf(cloud, server!.id))?.vm_state, 'deleted');
});

test('after an update that may not have ended the machine stays on, out of service, and no other one is tried', async (t) => {
  const { cloud, sent, nodes } = await aFixture(t, async () => {
    throw new Fault('bmcUnreachable', { address: '192.0.2.9', attempts: 4, seconds: 7 });
  });
  const [server] = await cloud.engine.createServers(request);
  await untilIdle(cloud);

  const node = await cloud.store.nodes.find({ uuid: nodes[0].uuid });
  assert.deepEqual(
    [node?.provision_state, node?.maintenance, node?.must_clean, sent],
    ['clean failed', true, true, ['power on']],
  );
  assert.match(node?.maintenance_reason ?? '', /firmware may still be being written/);
  const after = await serverOf(cloud, server!.id);
  assert.deepEqual([after?.vm_state, after?.node_uuid], ['error', null]);
  assert.match(after?.fault?.no_other_node ?? '', /may still run/);
});
