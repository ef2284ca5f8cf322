import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '#domain/faults.ts';
import { networkBootSteps } from '#drivers/network-boot-steps.ts';
import type { Node } from '#store/tables/nodes.ts';
import { anAvailableNode, aServerRequest, aStep, type Cloud, newSharedState, testCloud, untilIdle } from '#test/a-cloud.ts';
import { cleanAsAgent } from '#test/an-agent.ts';
import { expectRestart } from './never-off.ts';

/** A node that must not be powered off, and the power commands that its machine gets. */
async function setUp(breaks: () => Fault | undefined = () => undefined) {
  const room = newSharedState();
  const sent: string[] = [];
  room.bmcFault = (_, command) => {
    if (command !== 'status') sent.push(command);
    return undefined;
  };
  const steps = [
    ...networkBootSteps({ persistent: false }),
    aStep('write', async () => {
      const fault = breaks();
      if (fault) throw fault;
      return { next: true };
    }),
    aStep('restart', async (task) => {
      await task.power.set('power off');
      await task.power.set('power on');
      return { next: true };
    }),
  ];
  const cloud = await testCloud({ room, steps });
  const node = await anAvailableNode(cloud, 'n1');
  room.power.set(node.uuid, 'power on');
  await cloud.store.nodes.update({ uuid: node.uuid }, { disable_power_off: true, power_state: 'power on' });
  return { cloud, node, sent };
}

async function untilState({ store }: Cloud, { uuid }: Node, state: Node['provision_state']): Promise<Node> {
  for (;;) {
    const now = await store.nodes.find({ uuid });
    if (now?.provision_state === state) return now;
    await new Promise(setImmediate);
  }
}

async function close({ engine, store }: Cloud): Promise<void> {
  await engine.stop();
  await store.close();
}

test('a machine that must not be powered off is restarted by deployment, rebuild, deletion and cleaning', async () => {
  const { cloud, node, sent } = await setUp();
  const { engine } = cloud;
  const [server] = await engine.createServers(aServerRequest);
  await untilIdle(cloud);
  assert.deepEqual(sent.splice(0), ['reset', 'reset'], 'into the ramdisk, and into the system');

  await engine.rebuildServer(server!.id, { image: aServerRequest.image });
  await untilIdle(cloud);
  assert.deepEqual(sent.splice(0), ['reset', 'reset']);
  for (const type of ['SOFT', 'HARD'] as const) {
    await engine.rebootServer(server!.id, type);
    await untilIdle(cloud);
  }
  assert.deepEqual(sent.splice(0), ['reset', 'reset']);

  await engine.deleteServer(server!.id);
  await untilState(cloud, node, 'clean wait');
  await cleanAsAgent(cloud, node);
  const clean = await untilState(cloud, node, 'available');
  await untilIdle(cloud);
  assert.deepEqual(sent.splice(0), ['reset', 'reset', 'reset'], 'out of the system, into the ramdisk, and out of it');
  assert.deepEqual([clean.must_clean, cloud.room.power.get(node.uuid)], [false, 'power on']);
  await close(cloud);
});

test('a failed deployment restarts such a machine when its boot files are gone', async () => {
  const { cloud, node, sent } = await setUp(() => new Fault('agentFailed', { command: 'write', detail: 'no disk' }));

  await cloud.engine.createServers(aServerRequest);
  await untilIdle(cloud);

  assert.deepEqual(sent, ['reset', 'reset'], 'into the ramdisk, and out of it');
  assert.equal((await cloud.store.nodes.find({ uuid: node.uuid }))?.provision_state, 'available');
  assert.equal(cloud.room.plans.size, 0);
  await close(cloud);
});

test('refuses to power such a machine off, and to stop its server', async () => {
  const { cloud, node, sent } = await setUp();
  const { engine, store } = cloud;
  const [server] = await engine.createServers(aServerRequest);
  await untilIdle(cloud);
  sent.splice(0);

  for (const target of ['power off', 'soft power off'] as const)
    await assert.rejects(engine.setPower(node.uuid, target), {
      code: 'conflict',
      message: `Failed to set node power state to ${target}.`,
    });
  await assert.rejects(engine.stopServer(server!.id), { code: 'conflict', message: /must not be powered off/ });
  await engine.setPower(node.uuid, 'reset');
  await untilIdle(cloud);

  assert.deepEqual(sent, ['reset']);
  assert.equal((await store.nodes.find({ uuid: node.uuid }))?.power_state, 'power on');
  await close(cloud);
});

test('such a machine that is off is powered on', async () => {
  const { cloud, node, sent } = await setUp();
  cloud.room.power.set(node.uuid, 'power off');

  await cloud.engine.setPower(node.uuid, 'reset');
  await untilIdle(cloud);

  assert.deepEqual(sent, ['power on']);
  await close(cloud);
});

test('a power supply that can only be switched cannot restart a machine', () => {
  const node = { name: 'n1', uuid: 'u', driver: 'snmp' };
  const power = { properties: {}, validate() {}, getPower: async () => 'power on' as const, setPower: async () => {} };

  expectRestart(node, power);
  expectRestart(node, { ...power, targets: ['power on', 'reset'] });
  for (const other of [{ targets: ['power on', 'power off', 'power cycle'] as const }, { operatorTimeoutSeconds: 60 }])
    assert.throws(() => expectRestart(node, { ...power, ...other }), { code: 'unsupportedByHardware' });
});
