import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Fault } from '#domain/faults.ts';
import type { Node } from '#store/tables/nodes.ts';
import { anAvailableNode, testCloud } from '#test/a-cloud.ts';
import { anOperation } from '#test/a-task.ts';
import { lastErrors } from '../operations/registry.ts';
import { BmcHealth } from './bmc-health.ts';

const silence = new Fault('bmcUnreachable', { address: '192.0.2.7', attempts: 5, seconds: 15 });
const refusal = new Fault('bmcRefused', { address: '192.0.2.7', detail: 'wrong password' });

async function aFixture(t: TestContext) {
  const cloud = await testCloud();
  const { uuid } = await anAvailableNode(cloud, 'n1');
  const { store } = cloud;
  t.after(() => store.close());
  const bmcHealth = new BmcHealth(store, lastErrors, { 'power.recovery_interval': 300 });
  const fail = (fault: Fault) =>
    assert.rejects(
      bmcHealth.ask(uuid, () => Promise.reject(fault)),
      fault,
    );
  const answer = () => bmcHealth.ask(uuid, async () => 'power on' as const);
  const row = async () => (await store.nodes.find({ uuid })) as Node;
  /** What a new process loads. */
  const afterRestart = async () => {
    const next = new BmcHealth(store, lastErrors, { 'power.recovery_interval': 300 });
    await next.load();
    return next;
  };
  return { store, uuid, bmcHealth, fail, answer, row, afterRestart };
}

test('sets a cleared fault again while the BMC still fails', async (t) => {
  const { store, uuid, fail, row } = await aFixture(t);
  await fail(refusal);
  assert.equal((await row()).fault, 'power failure');
  await store.nodes.update({ uuid }, { maintenance: false, fault: null, last_error: null });
  await fail(refusal);
  assert.equal((await row()).fault, 'power failure');
});

test('the circuit stays open when timeouts alternate with rejections; a reply clears the fault', async (t) => {
  const { uuid, bmcHealth, fail, answer, row } = await aFixture(t);
  for (const fault of [silence, silence, silence, refusal]) await fail(fault);
  assert.equal(bmcHealth.isOpen(uuid), true);
  await fail(silence);
  assert.equal(bmcHealth.isOpen(uuid), true);
  await answer();
  assert.deepEqual([(await row()).fault, (await row()).last_error], [null, null]);
});

test('opening and closing the circuit keeps faults and errors of other causes', async (t) => {
  const { store, uuid, fail, answer, row } = await aFixture(t);
  await store.nodes.update({ uuid }, { fault: 'clean failure', last_error: 'Cleaning failed' });
  await fail(refusal);
  await answer();
  assert.deepEqual([(await row()).fault, (await row()).last_error], ['clean failure', 'Cleaning failed']);

  await store.nodes.update({ uuid }, { fault: null });
  await fail(refusal);
  await store.nodes.update({ uuid }, { last_error: 'Deploy failed' });
  await answer();
  assert.deepEqual([(await row()).fault, (await row()).last_error], [null, 'Deploy failed']);
});

test('a reply clears the unreachable report, even below the threshold or after the fault was cleared', async (t) => {
  const { store, uuid, bmcHealth, fail, answer, row } = await aFixture(t);
  await fail(silence);
  await store.nodes.update({ uuid }, { last_error: bmcHealth.get(uuid)?.message ?? '' });
  assert.match((await row()).last_error ?? '', /did not respond/);
  await answer();
  assert.equal((await row()).last_error, null);

  await fail(refusal);
  await store.nodes.update({ uuid }, { fault: null });
  assert.match((await row()).last_error ?? '', /Polling is suspended/);
  await answer();
  assert.equal((await row()).last_error, null);
});

test('a reply restores the earlier last_error of a node', async (t) => {
  const { store, uuid, fail, answer, row } = await aFixture(t);
  const failed = { node_uuid: uuid, state: 'failed', ended_at: '2026-01-01T00:00:00.000Z' } as const;
  const fault = new Fault('agentFailed', { command: 'write the image', detail: 'no disk' }).toRecord('Write the image');
  await store.operations.insert(anOperation({ ...failed, kind: 'rebuild', fault }));
  await store.nodes.update({ uuid }, { provision_state: 'deploy failed', last_error: fault.message });
  await fail(refusal);
  assert.match((await row()).last_error ?? '', /Polling is suspended/);
  await answer();
  assert.equal((await row()).last_error, fault.message);
});

test('ignores the result of an exchange if the settings have changed meanwhile', async (t) => {
  const { store, uuid, bmcHealth, row } = await aFixture(t);
  const { promise, reject } = Promise.withResolvers<never>();
  const asked = bmcHealth.ask(uuid, () => promise);
  await bmcHealth.forget(uuid);
  reject(refusal);
  await assert.rejects(asked, refusal);
  assert.deepEqual([bmcHealth.get(uuid), (await row()).fault], [undefined, null]);
  assert.equal(await store.bmc_health.find({ node_uuid: uuid }), undefined);
});

test('clears a power fault without a health row at the start', async (t) => {
  const { store, uuid, row, afterRestart } = await aFixture(t);
  await store.nodes.update({ uuid }, { fault: 'power failure' });
  await afterRestart();
  assert.equal((await row()).fault, null);
});

test('answers when the database cannot be written, and saves the state later', async (t) => {
  const { store, uuid, bmcHealth, fail, answer, row, afterRestart } = await aFixture(t);
  await fail(refusal);
  const { transaction } = store;
  store.transaction = () => Promise.reject(new Error('database or disk is full'));
  assert.equal(await answer(), 'power on');
  store.transaction = transaction;
  assert.equal((await row()).fault, 'power failure');
  await answer();
  assert.equal((await row()).fault, null);
  assert.equal(bmcHealth.isOpen(uuid), false);
  assert.equal((await afterRestart()).isOpen(uuid), false);
});

test('records a notice once and once when it is over, and only for polls', async (t) => {
  const { store, uuid, bmcHealth, row } = await aFixture(t);
  let cord: string | undefined;
  const power = bmcHealth.guard({
    properties: {},
    validate() {},
    async getPower(_node, { notice } = {}) {
      if (cord) notice?.(cord);
      return 'power on';
    },
    async setPower() {},
  });
  const node = { ...(await row()), ports: [] };
  const poll = (background = true) => power.getPower(node, { background });
  const reported = async () => (await store.events.list({ node_uuid: uuid })).map(({ message }) => message);

  await poll();
  cord = 'outlet 2 is off';
  await poll(false);
  assert.deepEqual(await reported(), []);

  await poll();
  await poll();
  cord = undefined;
  await poll();
  await poll();

  assert.deepEqual(await reported(), ['outlet 2 is off', 'the condition reported earlier has cleared']);
});

test('takes a node out of service while its BMC fails, and brings it back', async (t) => {
  const { store, uuid, fail, answer, row, afterRestart } = await aFixture(t);
  for (const fault of [silence, silence, silence]) await fail(fault);
  const out = await row();
  assert.deepEqual([out.maintenance, out.fault], [true, 'power failure']);
  assert.match(out.maintenance_reason ?? '', /did not respond .* in maintenance until then/);
  await afterRestart();
  assert.equal((await row()).maintenance, true, 'also for the next process');

  await answer();

  const back = await row();
  assert.deepEqual([back.maintenance, back.maintenance_reason, back.fault, back.last_error], [false, null, null, null]);
  const messages = (await store.events.list({ node_uuid: uuid })).map(({ message }) => message);
  assert.ok(messages.includes('the maintenance because of its power failure has ended'));
});

test('an answer does not end the maintenance that an operator set, before or after the failure', async (t) => {
  const { store, uuid, fail, answer, row } = await aFixture(t);
  await store.nodes.update({ uuid }, { maintenance: true, maintenance_reason: 'new disks' });
  await fail(refusal);
  assert.equal((await row()).fault, null);
  await answer();
  assert.deepEqual([(await row()).maintenance, (await row()).maintenance_reason], [true, 'new disks']);

  await store.nodes.update({ uuid }, { maintenance: false, maintenance_reason: null });
  await fail(refusal);
  assert.equal((await row()).fault, 'power failure');
  // As a request for maintenance writes it.
  await store.nodes.update({ uuid }, { maintenance_reason: 'new disks', fault: null });
  await answer();
  assert.deepEqual([(await row()).maintenance, (await row()).maintenance_reason], [true, 'new disks']);
});

test('leaves a node that an operation holds, or that was never verified, in service', async (t) => {
  const { store, uuid, fail, row } = await aFixture(t);
  for (const change of [{ operation_id: 'x' }, { operation_id: null, provision_state: 'verifying' as const }]) {
    await store.nodes.update({ uuid }, { fault: null, ...change });
    await fail(refusal);
    assert.deepEqual([(await row()).maintenance, (await row()).fault], [false, 'power failure']);
  }

  await store.nodes.update({ uuid }, { provision_state: 'available' });
  await fail(refusal);
  assert.equal((await row()).maintenance, true);
});

test('without recovery an operator ends the maintenance', async (t) => {
  const { store, uuid, row } = await aFixture(t);
  const bmcHealth = new BmcHealth(store, lastErrors, { 'power.recovery_interval': 0 });
  await assert.rejects(
    bmcHealth.ask(uuid, () => Promise.reject(refusal)),
    refusal,
  );
  await bmcHealth.ask(uuid, async () => 'power on');
  assert.deepEqual([(await row()).maintenance, (await row()).fault], [true, 'power failure']);

  await bmcHealth.forget(uuid);
  assert.deepEqual([(await row()).maintenance, (await row()).fault], [false, null], 'its settings have changed');
});
