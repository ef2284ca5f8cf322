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

test('other steps take the place of those that are held, and the power is restored to what it was before them', async (t) => {
  const { engine, store, room, uuid, did, service, untilNode } = await aFixture(t);
  await service(powerOff, hold, resetBmc);
  const { operation_id } = await untilNode('service hold');

  await service(clearLog, hold);
  await engine.ended(String(operation_id));
  const next = await untilNode('service hold');

  assert.notEqual(next.operation_id, operation_id);
  assert.deepEqual([did, room.power.get(uuid)], [['clear'], 'power off']);
  await engine.setProvisionState(uuid, 'unhold');
  const { power_state, last_error } = await untilNode('active');
  assert.deepEqual([power_state, room.power.get(uuid), last_error, did], ['power on', 'power on', null, ['clear']]);
  const replaced = await store.operations.find({ id: String(operation_id) });
  assert.match(replaced?.fault?.message ?? '', /other steps were requested in its place/);
});

test('steps in place of held ones are checked first, and a lock or maintenance forbids them', async (t) => {
  const { engine, uuid, did, service, untilNode } = await aFixture(t);
  await service(hold);
  const { operation_id } = await untilNode('service hold');

  await assert.rejects(service({ interface: 'deploy', step: 'erase_devices' }), /does not support this service step/);
  await engine.setMaintenance(uuid, true);
  await assert.rejects(service(clearLog), /^Fault: The service operation can't be performed on node/);
  await engine.setMaintenance(uuid, false);
  const about = { reason: 'opened', expires_at: null, project_id: '', user_id: 'u', user_name: 'tech' };
  await engine.lockNode(uuid, { ...about, kind: 'deploy' });
  await assert.rejects(service(clearLog), { code: 'nodeLocked' });

  assert.equal((await untilNode('service hold')).operation_id, operation_id);
  assert.deepEqual(did, []);
  await engine.setProvisionState(uuid, 'abort');
  await untilNode('active');
});

test('steps in place of held ones begin after a crash in between', async (t) => {
  const { engine, store, did, service, untilNode, again } = await aFixture(t);
  await service(hold);
  const { operation_id } = await untilNode('service hold');
  await engine.stop();
  const id = String(operation_id);
  const { context } = (await store.operations.find({ id }))!;
  await store.operations.update({ id }, { context: { ...context, instead: { steps: [{ ...clearLog, args: {} }] } } });

  const after = await again();
  t.after(() => after.engine.stop());
  await after.engine.start();

  await untilNode('active');
  assert.deepEqual(did, ['clear']);
});

test('a server is deleted during a wait of its servicing, after a step that must not be interrupted', async (t) => {
  const { engine, room, uuid, bmc, did, service, untilNode, server } = await aFixture(t);
  bmc.isSilent = true;
  await service(resetBmc, clearLog);
  await untilNode('service wait');

  await engine.deleteServer((await server()).id);
  assert.equal((await server()).task_state, 'deleting');
  bmc.isSilent = false;

  await untilNode('clean wait');
  assert.deepEqual([did, (await server()).vm_state], [['reset'], 'deleted']);
  assert.deepEqual([...room.plans.keys()], [uuid]);
});

test('an instance of the bare metal API is deleted during a wait of its servicing, unless it is protected', async (t) => {
  const { engine, store, uuid, bmc, did, service, untilNode } = await aFixture(t);
  await store.servers.remove({});
  bmc.isSilent = true;
  await service(resetBmc, clearLog);
  await untilNode('service wait');
  const remove = () => engine.setProvisionState(uuid, 'deleted');

  await store.nodes.update({ uuid }, { protected: true });
  await assert.rejects(remove(), /protected/);
  await store.nodes.update({ uuid }, { protected: false });
  await remove();
  bmc.isSilent = false;

  await untilNode('clean wait');
  assert.deepEqual([did, (await store.nodes.find({ uuid }))?.instance_uuid], [['reset'], null]);
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
