/** Operations on a machine whose firmware may be being written: if it loses its power meanwhile, it may never start again. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Fault } from '#domain/faults.ts';
import type { FirmwareInterface } from '#drivers/interfaces.ts';
import { simpleStep } from '#drivers/network-boot-steps.ts';
import { aFlavor, anAvailableNode, aServerRequest, type Cloud, testCloud, untilIdle, untilState } from '#test/a-cloud.ts';

const trait = 'CUSTOM_FLASHED';
const flavor = { ...aFlavor, extra_specs: { [`trait:${trait}`]: 'required' } };
const request = { ...aServerRequest, flavor };
const args = { settings: [{ component: 'BMC', url: 'http://192.0.2.1/fw' }] };
const silence = new Fault('bmcUnreachable', { address: '192.0.2.9', attempts: 4, seconds: 7 });
const refusal = { code: 'firmwareUpdating', status: 409 };

type Poll = ReturnType<FirmwareInterface['pollUpdate']>;
type Options = { settings?: Record<string, string>; versions?: () => Record<string, string> };

/** Two nodes, whose servers are deployed with a firmware update after the image is written. */
async function aFixture(t: TestContext, pollUpdate: () => Poll, { settings = {}, versions = () => ({}) }: Options = {}) {
  const task = { id: '/tasks/1', request: 'POST /update' };
  const write = simpleStep({ name: 'write', title: 'write', deadlineSeconds: 10 }, ({ power }) => power.set('power on'));
  const cloud = await testCloud({
    settings,
    cleanTimes: { poll: 5, lastWords: 1, flash: 50 },
    steps: [{ ...write, core: 'deploy' }],
    firmware: {
      readComponents: async () =>
        Object.entries(versions()).map(([component, version]) => ({ component, version, updateable: true })),
      startUpdate: async () => ({ task, againIn: 0.001 }),
      pollUpdate,
    },
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
const working = async () => ({ task: { id: '/tasks/1', request: 'POST /update' }, againIn: 0.001 });

/** An update whose step has failed because the BMC did not answer; `bmc.poll`: what it says of it from then on. */
async function lostUpdate(t: TestContext, settings = {}) {
  const bmc: { poll: () => Poll } = { poll: () => Promise.reject(silence) };
  const fixture = await aFixture(t, () => bmc.poll(), { settings });
  const [server] = await fixture.cloud.engine.createServers(request);
  const operation = await untilWaiting(
    fixture.cloud,
    /^the update of the firmware of BMC to end \(sent at .* nothing is switched\)/,
  );
  return { ...fixture, bmc, server: server!, operation };
}

async function untilWaiting({ store }: Cloud, expected: RegExp) {
  for (;;) {
    const found = (await store.operations.list({})).find(({ waiting_for }) => expected.test(waiting_for ?? ''));
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

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
  assert.deepEqual(await cloud.store.firmware_updates.list(), []);
});

test('a rollback powers the machine off when its BMC reports the end of the update, and says until when it waits', async (t) => {
  const { cloud, bmc, sent, nodes, operation } = await lostUpdate(t);
  const [update] = await cloud.store.firmware_updates.list();
  assert.deepEqual([operation.state, operation.step, update?.task?.id], ['rolling_back', 'power off', '/tasks/1']);
  assert.ok(Date.parse(operation.deadline_at ?? '') > Date.parse(update?.expires_at ?? ''), 'it does not time out before that');
  bmc.poll = working;
  await untilWaiting(cloud, /the update of the firmware/);
  assert.deepEqual(sent, ['power on']);

  bmc.poll = async () => undefined;
  await untilState(cloud, nodes[0].uuid, 'cleaning');
  assert.equal(sent[1], 'power off');
  const texts = (await cloud.store.events.list({ node_uuid: nodes[0].uuid })).map(({ message }) => message);
  assert.ok(texts.some((text) => /firmware of BMC, sent at .*, is over: the BMC reports its end/.test(text)));
});

test('a failure that the BMC reports ends the wait as well', async (t) => {
  const { cloud, bmc, nodes } = await lostUpdate(t);
  bmc.poll = async () => ({ failed: silence });
  await untilState(cloud, nodes[0].uuid, 'cleaning');
});

test('another version ends the wait for an update whose answer was lost', async (t) => {
  const { engine, store, cloud, sent, uuid, bmc } = await aFlashedNode(t);
  await store.firmware_updates.update({ node_uuid: uuid }, { task: null, versions: { BMC: '1.0', BIOS: '2.0' } });
  bmc.versions = { BMC: '1.0', BIOS: '2.1' };
  await assert.rejects(engine.setPower(uuid, 'power off'), refusal);
  bmc.versions = { BMC: '1.1' };
  await engine.setPower(uuid, 'power off');
  await untilIdle(cloud);
  assert.deepEqual(sent, ['power off']);
});

test('an update counts as over after firmware.longest_update', async (t) => {
  const { cloud, sent, nodes } = await lostUpdate(t, { 'firmware.longest_update': '1' });
  assert.deepEqual(sent, ['power on']);
  await untilState(cloud, nodes[0].uuid, 'cleaning');
  assert.equal(sent[1], 'power off');
});

test('an operator says that an update is over', async (t) => {
  const { cloud, sent, nodes } = await lostUpdate(t);
  assert.equal(await cloud.engine.endFirmwareUpdates(nodes[1].uuid, 'ada'), false);
  assert.deepEqual(sent, ['power on']);
  assert.equal(await cloud.engine.endFirmwareUpdates(nodes[0].uuid, 'ada'), true);
  await untilState(cloud, nodes[0].uuid, 'cleaning');
  assert.equal(sent[1], 'power off');
});

test('the wait goes on after a restart of Ingot', async (t) => {
  const { cloud, sent, nodes } = await lostUpdate(t);
  await cloud.engine.stop();
  await cloud.store.operations.update({ node_uuid: nodes[0].uuid }, { waiting_for: null, again_at: null });
  const firmware = { readComponents: async () => [], startUpdate: working, pollUpdate: working };
  const again = await testCloud({
    store: cloud.store,
    room: cloud.room,
    cleanTimes: { poll: 5, lastWords: 1, flash: 50 },
    firmware,
  });
  t.after(() => again.engine.stop());
  await again.engine.start();
  await untilWaiting(again, /the update of the firmware of BMC to end/);
  assert.deepEqual(sent, ['power on']);
});

/** A node at rest whose update may not have ended. */
async function aFlashedNode(t: TestContext, changes: object = {}) {
  const bmc: { poll: () => Poll; versions: Record<string, string> } = { poll: working, versions: {} };
  const { cloud, sent, nodes } = await aFixture(t, () => bmc.poll(), { versions: () => bmc.versions });
  const [{ uuid }, other] = nodes;
  await cloud.store.nodes.update({ uuid }, { power_state: 'power on', ...changes });
  cloud.room.power.set(uuid, 'power on');
  const row = {
    node_uuid: uuid,
    component: 'BMC',
    operation_id: 'o',
    versions: {},
    task: { id: '/tasks/1', request: 'POST /u' },
  };
  const now = Date.now();
  const at = (seconds: number) => new Date(now + seconds * 1000).toISOString();
  await cloud.store.firmware_updates.insert({ ...row, id: '1', url: '', sent_at: at(-60), expires_at: at(600) });
  return { ...cloud, cloud, sent, uuid, bmc, other: other.uuid };
}

test('a request to switch the machine is refused, until its BMC reports the end', async (t) => {
  const { engine, cloud, sent, uuid, bmc } = await aFlashedNode(t);
  for (const target of ['power off', 'soft power off', 'reset', 'soft reset'] as const)
    await assert.rejects(engine.setPower(uuid, target), refusal);
  await assert.rejects(engine.injectNmi(uuid), refusal);
  await engine.setPower(uuid, 'power on');
  await untilIdle(cloud);
  assert.deepEqual(sent, []);

  bmc.poll = async () => undefined;
  await engine.setPower(uuid, 'power off');
  await untilIdle(cloud);
  assert.deepEqual(sent, ['power off']);
});

test('a machine that is off is not started meanwhile', async (t) => {
  const { engine, store, cloud, sent, uuid, bmc, room } = await aFlashedNode(t, { power_state: 'power off' });
  room.power.set(uuid, 'power off');
  await engine.setPower(uuid, 'power on');
  await untilWaiting(cloud, /to end \(sent at/);
  assert.deepEqual(sent, []);
  bmc.poll = async () => undefined;
  await untilIdle(cloud);
  assert.deepEqual([sent, await store.firmware_updates.list()], [['power on'], []]);
});

test('a parent is not powered off while firmware of a child node may be being written', async (t) => {
  const { engine, store, sent, uuid, other } = await aFlashedNode(t);
  await store.nodes.update({ uuid }, { parent_node: other });
  await store.nodes.update({ uuid: other }, { power_state: 'power on' });
  for (const target of ['power off', 'reset'] as const) await assert.rejects(engine.setPower(other, target), refusal);
  assert.deepEqual(sent, []);

  await store.nodes.update({ uuid }, { driver_info: { has_dedicated_power_supply: true } });
  await engine.setPower(other, 'power off');
});

test('deletion, cleaning and inspection wait as well', async (t) => {
  for (const [state, verb] of [
    ['service failed', 'deleted'],
    ['deploy failed', 'deleted'],
    ['manageable', 'clean'],
    ['manageable', 'inspect'],
  ] as const) {
    const { engine, store, cloud, sent, uuid, bmc } = await aFlashedNode(t, { provision_state: state });
    const clean_steps = [{ interface: 'deploy', step: 'erase_devices' }];
    await engine.setProvisionState(uuid, verb, verb === 'clean' ? { clean_steps } : {});
    await untilWaiting(cloud, /to end \(sent at/);
    assert.deepEqual(sent, [], `${verb} of ${state}`);
    bmc.poll = async () => undefined;
    while (sent.length === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    assert.deepEqual(await store.firmware_updates.list(), []);
  }
});

test('the BMC is neither restarted nor updated meanwhile', async (t) => {
  const { engine, cloud, sent, uuid } = await aFlashedNode(t, { provision_state: 'manageable' });
  await engine.setProvisionState(uuid, 'clean', { clean_steps: [{ interface: 'firmware', step: 'update', args }] });
  const { step } = await untilWaiting(cloud, /to end \(sent at/);
  assert.match(step, /update firmware of BMC/);
  assert.deepEqual(sent, []);
});
