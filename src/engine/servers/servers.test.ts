import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '#domain/faults.ts';
import type { Server } from '#store/tables/servers.ts';
import { anAvailableNode, aServerRequest, aStep, type Cloud, testCloud, untilIdle } from '#test/a-cloud.ts';

const go = async () => ({ next: true }) as const;
const silentBmc = () => new Fault('bmcUnreachable', { address: '192.0.2.9', attempts: 4, seconds: 7 });

async function untilServer(cloud: Cloud, id: string, vm_state: Server['vm_state']): Promise<Server> {
  for (;;) {
    const server = await cloud.store.servers.find({ id });
    if (server?.vm_state === vm_state) return server;
    await new Promise(setImmediate);
  }
}

test('keeps a deletion that arrives as the last step of a deployment ends', async () => {
  const cloud: Cloud = await testCloud({
    steps: [
      aStep('last', async (task) => {
        // The state of a deletion before it aborts the operation.
        await cloud.store.servers.update({ id: task.instance!.id }, { task_state: 'deleting' });
        return { next: true };
      }),
    ],
  });
  const node = await anAvailableNode(cloud, 'n1');
  const [server] = await cloud.engine.createServers(aServerRequest);
  await untilServer(cloud, server!.id, 'deleted');
  assert.equal((await cloud.store.nodes.find({ uuid: node.uuid }))?.instance_uuid, null);
  await cloud.engine.stop();
  await cloud.store.close();
});

test('keeps a server in ERROR if its machine cannot be switched off, unless the node is in maintenance', async () => {
  const cloud = await testCloud({ steps: [aStep('work', go)] });
  const node = await anAvailableNode(cloud, 'n1');
  const [server] = await cloud.engine.createServers(aServerRequest);
  await untilIdle(cloud);
  cloud.room.power.set(node.uuid, 'power on');
  cloud.room.bmcFault = silentBmc;
  await cloud.engine.deleteServer(server!.id);
  await untilIdle(cloud);
  assert.match((await untilServer(cloud, server!.id, 'error')).fault?.message ?? '', /did not respond/);

  await cloud.engine.setMaintenance(node.uuid, true, 'its BMC is dead');
  await cloud.engine.deleteServer(server!.id);
  await untilIdle(cloud);
  await untilServer(cloud, server!.id, 'deleted');
  const lost = await cloud.store.nodes.find({ uuid: node.uuid });
  assert.deepEqual([lost?.provision_state, lost?.must_clean, lost?.instance_uuid], ['clean failed', true, null]);
  await cloud.engine.stop();
  await cloud.store.close();
});

test("a deletion aborts an operator's power change on the server's node", async () => {
  const cloud = await testCloud({ steps: [aStep('work', go)] });
  const node = await anAvailableNode(cloud, 'n1');
  const [server] = await cloud.engine.createServers(aServerRequest);
  await untilIdle(cloud);
  const polled = Promise.withResolvers<void>();
  let polls = 0;
  cloud.room.bmcFault = (_, command) => {
    if (command !== 'status' || ++polls === 1) return undefined;
    polled.resolve();
    return silentBmc();
  };
  await cloud.engine.setPower(node.uuid, 'power on');
  await polled.promise;
  delete cloud.room.bmcFault;
  cloud.room.power.set(node.uuid, 'power off');
  await cloud.engine.deleteServer(server!.id);
  await untilServer(cloud, server!.id, 'deleted');
  await cloud.engine.stop();
  await cloud.store.close();
});

test('a rebuild preserves the ephemeral partition only on its own request', async () => {
  const cloud = await testCloud({ steps: [aStep('work', go)] });
  await anAvailableNode(cloud, 'n1');
  const [server] = await cloud.engine.createServers(aServerRequest);
  await untilIdle(cloud);
  const preserved: unknown[] = [];
  for (const changes of [{ preserve_ephemeral: true }, {}]) {
    await cloud.engine.rebuildServer(server!.id, { image: aServerRequest.image, ...changes });
    await untilIdle(cloud);
    preserved.push((await cloud.store.servers.find({ id: server!.id }))?.preserve_ephemeral);
  }
  assert.deepEqual(preserved, [true, false]);
  await cloud.engine.stop();
  await cloud.store.close();
});

test('a rebuild that fails before the disk is written leaves the system running, and a later failure does not', async () => {
  const state = { fails: '' };
  const step = (name: string) =>
    aStep(name, async () => {
      if (state.fails === name) throw new Fault('imageNotBootable', { image: 'i', node: 'n1', detail: 'no boot loader' });
      return { next: true };
    });
  const serve = aStep('serve', async (task) => {
    await task.boot.serve({ boot: 'local' });
    await task.power.set('power on');
    return { next: true };
  });
  const cloud = await testCloud({ steps: [{ ...step('prepare'), keepsMachine: true }, serve, step('write')] });
  const node = await anAvailableNode(cloud, 'n1');
  const [server] = await cloud.engine.createServers(aServerRequest);
  await untilIdle(cloud);
  const seen: unknown[] = [];
  for (const fails of ['prepare', 'write', 'prepare']) {
    state.fails = fails;
    await cloud.engine.rebuildServer(server!.id, { image: aServerRequest.image });
    await untilIdle(cloud);
    const found = await cloud.store.servers.find({ id: server!.id });
    seen.push([found?.vm_state, found?.fault?.code, cloud.room.power.get(node.uuid), cloud.room.plans.has(node.uuid)]);
  }
  assert.deepEqual(seen, [
    ['error', 'imageNotBootable', 'power on', true],
    ['error', 'imageNotBootable', 'power off', false],
    ['error', 'imageNotBootable', 'power off', false],
  ]);
  await cloud.engine.stop();
  await cloud.store.close();
});

test('rejects a rebuild with an image of another architecture, and leaves the server unchanged', async () => {
  const cloud = await testCloud({ steps: [aStep('work', go)] });
  const node = await anAvailableNode(cloud, 'n1');
  await cloud.store.nodes.update({ uuid: node.uuid }, { properties: { ...node.properties, cpu_arch: 'x86_64' } });
  const [server] = await cloud.engine.createServers(aServerRequest);
  await untilIdle(cloud);
  const { id } = aServerRequest.image;
  for (const [properties, reason] of [
    [{ hw_architecture: 'aarch64' }, 'not of architecture aarch64'],
    [{ architecture: 'arm64' }, 'not of architecture arm64'],
    [{ img_hv_type: 'kvm' }, 'not of hypervisor type kvm'],
  ] as const) {
    await cloud.store.images.update({ id }, { properties });
    await assert.rejects(cloud.engine.rebuildServer(server!.id, { image: aServerRequest.image }), {
      code: 'noValidHost',
      message: `No valid host was found. Of 1 node: 1 ${reason}.`,
    });
  }
  const after = await cloud.store.servers.find({ id: server!.id });
  assert.deepEqual([after?.vm_state, after?.task_state], ['active', null]);
  await cloud.store.images.update({ id }, { properties: { hw_architecture: 'amd64' } });
  await cloud.engine.rebuildServer(server!.id, { image: aServerRequest.image });
  await untilIdle(cloud);
  assert.equal((await cloud.store.servers.find({ id: server!.id }))?.vm_state, 'active');
  await cloud.engine.stop();
  await cloud.store.close();
});
