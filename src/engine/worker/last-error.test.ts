/** `last_error` of a node is cleared when its error is over, and not before. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Fault } from '#domain/faults.ts';
import type { Node } from '#store/tables/nodes.ts';
import type { Operation } from '#store/tables/operations.ts';
import { anAvailableNode, aServerRequest, aStep, newSharedState, testCloud, untilIdle } from '#test/a-cloud.ts';
import { sayHello } from '#test/an-agent.ts';

const silence = new Fault('bmcUnreachable', { address: '192.0.2.7', attempts: 5, seconds: 15, detail: 'no answer' });

/** One node whose BMC and deployments fail as long as the test requires. */
async function aFixture(t: TestContext) {
  const room = newSharedState();
  const broken = { bmc: '', image: false };
  room.bmcFault = (_node, command) => (broken.bmc.split(',').includes(command) ? silence : undefined);
  const work = aStep('write image', async () => {
    if (broken.image) throw new Fault('agentFailed', { command: 'write the image', detail: 'no disk' });
    return { next: true };
  });
  const cloud = await testCloud({ room, steps: [work] });
  const { engine, store } = cloud;
  t.after(async () => {
    await engine.stop();
    await store.close();
  });
  const { uuid } = await anAvailableNode(cloud, 'n1');
  const row = async () => (await store.nodes.find({ uuid })) as Node;
  const untilState = async (state: Node['provision_state']) => {
    while ((await row()).provision_state !== state || (state !== 'clean wait' && (await row()).operation_id))
      await new Promise(setImmediate);
  };
  const error = async () => (await row()).last_error ?? '';
  const power = async (target: 'power on' | 'power off') => {
    await engine.setPower(uuid, target);
    await untilIdle(cloud);
  };
  const clean = async (disks = 1) => {
    await untilState('clean wait');
    const operation = (await store.operations.find({ id: (await row()).operation_id ?? '' })) as Operation;
    const token = await sayHello(engine, operation);
    const command = await engine.agentNext(token, 5000, AbortSignal.timeout(5000));
    const disk = { device: '/dev/vda', size_bytes: 1, method: 'discard', seconds: 1 };
    const result = { disks: Array.from({ length: disks }, () => disk) };
    await engine.agentResult(token, { command_id: command?.id ?? '', ok: true, result });
  };
  const aServer = async () => {
    const [server] = await engine.createServers(aServerRequest);
    await untilIdle(cloud);
    return server!.id;
  };
  return { cloud, engine, store, uuid, broken, row, untilState, error, power, clean, aServer };
}

test('reports a failed cleaning until the node is cleaned again', async (t) => {
  const { engine, uuid, untilState, error, clean, aServer } = await aFixture(t);
  await engine.deleteServer(await aServer());
  await untilState('clean wait');
  await engine.setProvisionState(uuid, 'abort');
  await untilState('clean failed');
  const aborted = /^By request, the clean operation was aborted during .* "deploy.erase_devices"$/;
  assert.match(await error(), aborted);

  await engine.setProvisionState(uuid, 'manage');
  assert.match(await error(), aborted);
  await engine.setProvisionState(uuid, 'provide');
  assert.equal(await error(), '');
  await clean();
  await untilState('available');
  assert.equal(await error(), '');
});

test('reports a failed rebuild until it is retried or the server is deleted', async (t) => {
  const { cloud, engine, broken, error, untilState, clean, aServer } = await aFixture(t);
  const server = await aServer();
  const rebuild = () => engine.rebuildServer(server, { image: aServerRequest.image });
  broken.image = true;
  await rebuild();
  await untilIdle(cloud);
  assert.match(await error(), /failed to write the image/);

  broken.image = false;
  await rebuild();
  assert.equal(await error(), '');
  await untilIdle(cloud);
  broken.image = true;
  await rebuild();
  await untilIdle(cloud);
  await engine.deleteServer(server);
  await clean();
  await untilState('available');
  assert.equal(await error(), '');
});

test('clears a power error once the power state is reached, in maintenance too', async (t) => {
  const { engine, uuid, broken, error, power } = await aFixture(t);
  broken.bmc = 'power on';
  await power('power on');
  assert.match(await error(), /192\.0\.2\.7 did not respond/);
  await engine.setMaintenance(uuid, true, 'somebody works on it');
  broken.bmc = '';
  await power('power on');
  assert.equal(await error(), '');
});

test('restores the error of a failed node once a later power error is cleared', async (t) => {
  const { cloud, engine, broken, row, error, power, aServer } = await aFixture(t);
  const server = await aServer();
  broken.image = true;
  await engine.rebuildServer(server, { image: aServerRequest.image });
  await untilIdle(cloud);
  const before = await error();
  broken.bmc = 'power on';
  await power('power on');
  assert.match(await error(), /did not respond/);

  broken.bmc = '';
  await power('power on');

  assert.equal((await row()).provision_state, 'deploy failed');
  assert.match(before, /failed to write the image/);
  assert.equal(await error(), before);
});

test('shows the error of a failed deployment on an available node until the next one', async (t) => {
  const { broken, row, error, aServer } = await aFixture(t);
  broken.image = true;
  await aServer();
  assert.equal((await row()).provision_state, 'available');
  assert.match(await error(), /^Deploy failed at "write image": /);
  broken.image = false;
  await aServer();
  assert.equal(await error(), '');
});
