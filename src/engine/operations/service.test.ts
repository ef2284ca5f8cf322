import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Fault } from '#domain/faults.ts';
import type { Node } from '#store/tables/nodes.ts';
import { anAvailableNode, aServerRequest, aStep, testCloud, untilIdle, untilState } from '#test/a-cloud.ts';

const hold = { interface: 'power', step: 'hold' };
const powerOff = { interface: 'power', step: 'power_off' };
const clearLog = { interface: 'management', step: 'clear_log' };
const resetBmc = { interface: 'management', step: 'reset_bmc' };
const broken = new Fault('bmcError', { address: '192.0.2.7', command: 'log', detail: 'no' });

/** A node with a server on it, which runs. */
async function aFixture(t: TestContext) {
  const did: string[] = [];
  const bmc = { isBroken: false, isSilent: false };
  const management = {
    resetBmc: async () => void did.push('reset'),
    async clearLog() {
      if (bmc.isBroken) throw broken;
      did.push('clear');
    },
    async getBootDevice() {
      if (bmc.isSilent) throw new Fault('bmcUnreachable', { address: '', attempts: 1, seconds: 1, detail: 'silence' });
      return { device: null, persistent: null };
    },
  };
  const deployed = aStep('work', async ({ power }) => {
    await power.set('power on');
    return { next: true };
  });
  const options = { management, cleanTimes: { poll: 1, lastWords: 1, flash: 1 }, steps: [deployed] };
  const cloud = await testCloud(options);
  t.after(async () => {
    await cloud.engine.stop();
    await cloud.store.close();
  });
  const { engine, store } = cloud;
  const { uuid } = await anAvailableNode(cloud, 'n1');
  const [created] = await engine.createServers(aServerRequest);
  await untilIdle(cloud);
  const service = (...steps: object[]) => engine.setProvisionState(uuid, 'service', { service_steps: steps });
  const untilNode = (state: Node['provision_state']) => untilState(cloud, uuid, state);
  const server = async () => (await store.servers.find({ id: created!.id }))!;
  const again = () => testCloud({ ...options, room: cloud.room, store });
  return { ...cloud, did, bmc, uuid, service, untilNode, server, again };
}

test('services the machine of a server, which stays active and gets its power back', async (t) => {
  const { engine, room, uuid, did, service, untilNode, server } = await aFixture(t);

  await service(clearLog, powerOff, hold);
  const held = await untilNode('service hold');

  assert.equal(held.target_provision_state, 'active');
  assert.deepEqual([did, room.power.get(uuid), (await server()).vm_state], [['clear'], 'power off', 'active']);
  const { id } = await server();
  const requests = [
    engine.stopServer(id),
    engine.rebootServer(id, 'HARD'),
    engine.deleteServer(id),
    engine.setPower(uuid, 'power on'),
    service(clearLog),
  ];
  for (const { status } of await Promise.all(requests.map(faultOf))) assert.equal(status, 409);
  await engine.setProvisionState(uuid, 'unhold');
  const { power_state, last_error, instance_uuid } = await untilNode('active');
  assert.deepEqual([power_state, last_error, instance_uuid], ['power on', null, id]);
  assert.deepEqual([(await server()).vm_state, (await server()).task_state], ['active', null]);
});

async function faultOf(request: Promise<unknown>): Promise<Fault> {
  return request.then(
    () => assert.fail('it was not refused'),
    (error: Fault) => error,
  );
}

test('a failed servicing leaves the server, and can be done again or left', async (t) => {
  const { engine, uuid, bmc, service, untilNode, server } = await aFixture(t);
  bmc.isBroken = true;
  await service(powerOff, clearLog);
  const failed = await untilNode('service failed');
  assert.match(failed.last_error ?? '', /^Servicing failed at "Clear the BMC's log"/);
  assert.deepEqual([failed.maintenance, failed.fault, failed.power_state], [true, 'service failure', 'power on']);
  assert.equal((await server()).vm_state, 'active');

  await assert.rejects(service(clearLog), /^Fault: The service operation can't be performed on node/);
  await assert.rejects(engine.setProvisionState(uuid, 'abort'), { code: 'conflict' });
  await engine.setMaintenance(uuid, false);
  bmc.isBroken = false;
  await service(clearLog);
  assert.equal((await untilNode('active')).last_error, null);

  bmc.isBroken = true;
  await service(clearLog);
  await untilNode('service failed');
  await engine.setMaintenance(uuid, false);
  await engine.setProvisionState(uuid, 'abort');
  assert.equal((await untilNode('active')).last_error, 'By request, the service operation was aborted');
});

test('an aborted servicing leaves the node active, with its former power', async (t) => {
  const { engine, uuid, service, untilNode } = await aFixture(t);
  await service(powerOff, hold);
  await untilNode('service hold');

  await engine.setProvisionState(uuid, 'abort');

  const { last_error, power_state, maintenance } = await untilNode('active');
  const text = 'By request, the service operation was aborted during or after the completion of step "power.hold"';
  assert.deepEqual([last_error, power_state, maintenance], [text, 'power on', false]);
});

test('a server whose servicing failed can be deleted', async (t) => {
  const { engine, bmc, service, untilNode, server } = await aFixture(t);
  bmc.isBroken = true;
  await service(clearLog);
  await untilNode('service failed');
  await engine.deleteServer((await server()).id);
  await untilNode('clean wait');
});

test('a restart continues the servicing, and restores the power that was before it', async (t) => {
  const { engine, room, uuid, bmc, did, service, untilNode, again } = await aFixture(t);
  bmc.isSilent = true;
  await service(powerOff, resetBmc, clearLog);
  await untilNode('service wait');
  await engine.stop();

  const after = await again();
  t.after(() => after.engine.stop());
  bmc.isSilent = false;
  await after.engine.start();

  await untilNode('active');
  assert.deepEqual([did, room.power.get(uuid)], [['reset', 'clear'], 'power on']);
});

test('nothing that erases disks is a service step, and only active nodes are serviced', async (t) => {
  const { engine, uuid, service, untilNode } = await aFixture(t);
  await assert.rejects(service({ interface: 'deploy', step: 'erase_devices' }), /does not support this service step/);
  const { uuid: other } = await engine.createNode({ driver: 'room', provision_state: 'manageable' });
  const refused = engine.setProvisionState(other, 'service', { service_steps: [clearLog] });
  await assert.rejects(refused, { code: 'wrongState' });
  assert.equal((await untilNode('active')).uuid, uuid);
});
