import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Fault } from '#domain/faults.ts';
import type { Node } from '#store/tables/nodes.ts';
import { anAvailableNode, type Cloud, testCloud, untilIdle, untilState } from '#test/a-cloud.ts';

const silence = new Fault('bmcUnreachable', { address: '192.0.2.7', attempts: 1, seconds: 15, detail: 'silence' });

type Options = NonNullable<Parameters<typeof testCloud>[0]>;

async function aFixture(t: TestContext, options: Options = {}) {
  const did: string[] = [];
  const bmc = { isSilent: false };
  const management = {
    resetBmc: async () => void did.push('reset'),
    clearLog: async () => void did.push('clear'),
    async getBootDevice() {
      if (bmc.isSilent) throw silence;
      return { device: null, persistent: null };
    },
  };
  const more = { management, cleanTimes: { poll: 1, lastWords: 1, flash: 1 }, ...options };
  const cloud = await testCloud(more);
  t.after(async () => {
    await cloud.engine.stop();
    await cloud.store.close();
  });
  const { uuid } = await anAvailableNode(cloud, 'n1');
  await cloud.engine.setProvisionState(uuid, 'manage');
  const clean = (...steps: object[]) => cloud.engine.setProvisionState(uuid, 'clean', { clean_steps: steps });
  const untilNode = (state: Node['provision_state']) => untilState(cloud, uuid, state);
  return {
    ...cloud,
    cloud,
    did,
    bmc,
    uuid,
    clean,
    untilNode,
    again: () => testCloud({ ...more, room: cloud.room, store: cloud.store }),
  };
}

const hold = { interface: 'power', step: 'hold' };
const powerOn = { interface: 'power', step: 'power_on' };
const clearLog = { interface: 'management', step: 'clear_log' };
const resetBmc = { interface: 'management', step: 'reset_bmc' };

const operationOf = async ({ store }: Pick<Cloud, 'store'>, { operation_id }: Node) =>
  (await store.operations.find({ id: operation_id ?? '' }))!;

test('steps are executed in the order of the request, and a hold waits for an operator', async (t) => {
  const { engine, store, did, uuid, clean, untilNode, room } = await aFixture(t);

  await clean(clearLog, hold, powerOn);
  const held = await untilNode('clean hold');

  const { waiting_for, api_step } = await operationOf({ store }, held);
  assert.match(waiting_for ?? '', /^an operator to end the hold: `baremetal node unhold n1`/);
  assert.deepEqual(api_step, { index: 1, interface: 'power', step: 'hold', priority: 0, abortable: true });
  assert.deepEqual([did, room.power.get(uuid)], [['clear'], undefined]);
  await engine.setProvisionState(uuid, 'unhold');
  assert.equal((await untilNode('manageable')).power_state, 'power on');
});

test('an abort ends a hold: the node has failed to be cleaned, without maintenance', async (t) => {
  const { engine, uuid, clean, untilNode } = await aFixture(t);
  await clean(hold, powerOn);
  await untilNode('clean hold');

  await engine.setProvisionState(uuid, 'abort');

  const { last_error, maintenance, fault, power_state } = await untilNode('clean failed');
  const text = 'By request, the clean operation was aborted during or after the completion of step "power.hold"';
  assert.deepEqual([last_error, maintenance, fault, power_state], [text, false, null, null]);
});

test('a hold continues after a restart, and one that was ended does not hold again', async (t) => {
  const first = await aFixture(t);
  await first.clean(hold, hold, clearLog);
  await first.untilNode('clean hold');
  await first.engine.stop();

  const second = await first.again();
  await second.engine.start();
  await first.untilNode('clean hold');
  await untilHeld(second, first.uuid);
  await second.engine.setProvisionState(first.uuid, 'unhold');
  await untilHeld(second, first.uuid, '2: hold');
  await second.engine.stop();

  const third = await first.again();
  await third.engine.start();
  t.after(() => third.engine.stop());
  await untilHeld(third, first.uuid, '2: hold');
  await third.engine.setProvisionState(first.uuid, 'unhold');
  await first.untilNode('manageable');
  assert.deepEqual(first.did, ['clear']);
});

async function untilHeld(cloud: Cloud, uuid: string, step = '1: hold'): Promise<void> {
  for (;;) {
    const operation = await operationOf(cloud, await untilState(cloud, uuid, 'clean hold'));
    if (operation.step === step && operation.waiting_for) return;
    await new Promise(setImmediate);
  }
}

test('a hold that nobody ends fails at its setting', async (t) => {
  const { clean, untilNode } = await aFixture(t, { settings: { 'steps.hold_timeout': '1' } });
  await clean(hold);
  const { last_error } = await untilNode('clean failed');
  assert.match(last_error ?? '', /^Cleaning failed at "Hold for an operator": No operator ended the hold within 1 s/);
});

test('an abort of a step that must not be aborted takes effect after the step', async (t) => {
  const { engine, store, bmc, did, uuid, clean, untilNode } = await aFixture(t);
  bmc.isSilent = true;
  await clean(resetBmc, clearLog);
  const waiting = await untilNode('clean wait');

  await engine.setProvisionState(uuid, 'abort');
  assert.equal((await operationOf({ store }, waiting)).state, 'running');
  bmc.isSilent = false;

  const { last_error } = await untilNode('clean failed');
  assert.match(last_error ?? '', /after the completion of step "management.reset_bmc"$/);
  assert.deepEqual(did, ['reset']);
});

test('a wait lasts as long as it says, up to the setting, also across a restart', async (t) => {
  const { clean, untilNode, cloud, engine, uuid } = await aFixture(t, { settings: { 'steps.longest_wait': '1' } });
  await clean({ interface: 'power', step: 'wait', args: { seconds: '0' } }, { interface: 'power', step: 'wait' }, hold);
  await untilNode('clean wait');
  await untilHeld(cloud, uuid, '3: hold');
  await engine.setProvisionState(uuid, 'unhold');
  await untilIdle(cloud);
  await untilNode('manageable');
});

test('unhold and abort are refused where nothing is held or waits', async (t) => {
  const { engine, uuid, clean, untilNode, bmc } = await aFixture(t);
  for (const verb of ['unhold', 'abort'])
    await assert.rejects(engine.setProvisionState(uuid, verb), { code: 'wrongState', message: /state 'manageable'/ });
  bmc.isSilent = true;
  await clean(resetBmc);
  await untilNode('clean wait');
  await assert.rejects(engine.setProvisionState(uuid, 'unhold'), { code: 'nodeBusy' });
  bmc.isSilent = false;
  await untilNode('manageable');
});

test('steps are checked before anything starts', async (t) => {
  const { clean, untilNode } = await aFixture(t, { settings: { 'clean.disallowed_steps': 'management.reset_bmc' } });
  const cases: [object, RegExp][] = [
    [{ interface: 'kitchen', step: 'hold' }, /^Invalid clean_steps: \/1\/interface must be equal to one of/],
    [{ interface: 'deploy', step: 'hold', color: 'red' }, /^Invalid clean_steps: /],
    [{ interface: 'bios', step: 'bake' }, /^node does not support this clean step: bios.bake$/],
    [{ ...clearLog, args: { force: true } }, /^clean step management.clear_log has these unexpected arguments: force$/],
    [{ interface: 'firmware', step: 'update' }, /^clean step firmware.update is missing these required arguments: settings$/],
    [{ interface: 'power', step: 'wait', args: { seconds: -1 } }, /^args of clean step 'power.wait': \/seconds/],
    [{ interface: 'bios', step: 'factory_reset' }, /does not support BIOS settings/],
    [resetBmc, /^clean step 'management.reset_bmc' is not allowed/],
  ];
  for (const [step, text] of cases) await assert.rejects(clean(clearLog, step), { message: text });
  const erase = { interface: 'deploy', step: 'erase_devices' };
  await assert.rejects(clean(erase, erase), /only once/);
  assert.equal((await untilNode('manageable')).operation_id, null);
});

test('without a ramdisk, steps that need one are refused', async (t) => {
  const { engine, uuid } = await aFixture(t);
  const clean_steps = [{ interface: 'deploy', step: 'erase_devices' }];
  const refused = engine.setProvisionState(uuid, 'clean', { clean_steps, disable_ramdisk: true });
  await assert.rejects(refused, /^Fault: clean step deploy.erase_devices requires booting a ramdisk$/);
});

test('a machine that must never be powered off is not powered off by a step', async (t) => {
  const { engine, uuid, clean, untilNode } = await aFixture(t);
  await engine.updateNode(uuid, { disable_power_off: true });
  await assert.rejects(clean({ interface: 'power', step: 'power_off' }), /would power off a node with disable_power_off/);
  await clean({ interface: 'power', step: 'reboot' });
  assert.equal((await untilNode('manageable')).power_state, 'power on');
});

test('no node in maintenance is cleaned by hand', async (t) => {
  const { engine, uuid, clean } = await aFixture(t);
  await engine.setMaintenance(uuid, true);
  await assert.rejects(clean(clearLog), /^Fault: The cleaning operation can't be performed on node .* in maintenance mode\.$/);
});
