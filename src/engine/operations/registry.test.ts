import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ProvisionState, provisionStates, type Transition } from '#domain/provision-states.ts';
import type { Operation } from '#store/tables/operations.ts';
import { anAvailableNode, aServerRequest, aStep, testCloud, untilIdle } from '#test/a-cloud.ts';
import { definitions, transitionTable, verbs } from './registry.ts';

const from = (states: string, event: string, to: string) => states.split(', ').map((state) => `${state} -${event}-> ${to}`);

/** The machine as it was one table: verbs of the API first, then internal events. */
const formerTable = [
  ...from('enroll', 'manage', 'verifying'),
  ...from('available, clean failed, deploy failed', 'manage', 'manageable'),
  ...from('manageable', 'provide', 'available'),
  ...from('manageable', 'clean', 'cleaning'),
  ...from('available, deploy failed', 'active', 'deploying'),
  ...from('active, deploy failed, error', 'rebuild', 'rebuild'),
  ...from('active, deploy failed, error, deploying, wait call-back, rebuild', 'deleted', 'deleting'),
  ...from('verifying', 'verified', 'manageable'),
  ...from('verifying', 'fail', 'enroll'),
  ...from('deploying, rebuild', 'wait', 'wait call-back'),
  ...from('wait call-back', 'abort', 'deploy failed'),
  ...from('wait call-back', 'resume', 'deploying'),
  ...from('deploying, rebuild', 'done', 'active'),
  ...from('deploying, wait call-back, rebuild', 'fail', 'deploy failed'),
  ...from('deploy failed', 'release', 'available'),
  ...from('deploy failed, deleting', 'clean', 'cleaning'),
  ...from('deleting', 'fail', 'error'),
  ...from('cleaning', 'wait', 'clean wait'),
  ...from('clean wait', 'resume', 'cleaning'),
  ...from('cleaning', 'done', 'available'),
  ...from('cleaning', 'cleaned-by-hand', 'manageable'),
  ...from('cleaning, clean wait', 'fail', 'clean failed'),
  ...from('clean wait', 'abort', 'clean failed'),
];

test('the transitions of all operations equal the documented state machine', () => {
  const text = ({ from, event, to }: Transition) => `${from} -${event}-> ${to}`;
  const formerStates = new Set(formerTable.flatMap((row) => row.split(/ -.*-> /)));
  const rows = transitionTable.filter(({ from, to }) => formerStates.has(from) && formerStates.has(to));
  assert.deepEqual(rows.map(text).toSorted(), formerTable.toSorted());
});

/** Of Ironic's `ironic/common/state_machine.py` as of API 1.115, without rescue: the states in which it takes each verb. */
const ironicsVerbs: Readonly<Record<string, readonly ProvisionState[]>> = {
  active: ['available', 'deploy failed'],
  rebuild: ['active', 'deploy failed', 'error'],
  deleted: ['active', 'wait call-back', 'deploy failed', 'error', 'service failed', 'service wait'],
  manage: ['enroll', 'available', 'clean failed', 'inspect failed', 'adopt failed'],
  provide: ['manageable'],
  inspect: ['manageable', 'inspect failed'],
  clean: ['manageable'],
  adopt: ['manageable', 'adopt failed'],
  service: ['active', 'service hold', 'service failed'],
  unhold: ['deploy hold', 'clean hold', 'service hold'],
  abort: [
    ...(['wait call-back', 'deploy hold', 'clean wait', 'clean hold', 'inspect wait'] as const),
    ...(['service wait', 'service hold', 'service failed'] as const),
  ],
};

/** docs/states.md has the reasons. */
const takenBeside: Readonly<Record<string, readonly ProvisionState[]>> = {
  deleted: ['deploying', 'rebuild'],
  manage: ['deploy failed'],
};

test('each verb is taken in the states of Ironic, and in few others', () => {
  const taken = (name: string) => verbs.filter((verb) => verb.name === name).flatMap((verb) => verb.from);
  const names = [...new Set(verbs.map(({ name }) => name))];

  assert.deepEqual(names.toSorted(), Object.keys(ironicsVerbs).toSorted());
  for (const [name, states] of Object.entries(ironicsVerbs))
    assert.deepEqual([...new Set(taken(name))].toSorted(), [...states, ...(takenBeside[name] ?? [])].toSorted(), name);
});

test('each event has one target per state, and every state has a description', () => {
  const events = transitionTable.map((row) => `${row.from} ${row.event}`);
  assert.equal(new Set(events).size, events.length);
  const named = [...transitionTable.flatMap((row) => [row.from, row.to]), ...verbs.flatMap(({ target }) => target ?? [])];
  const isKnown = (state: ProvisionState) => provisionStates[state] !== undefined;
  assert.deepEqual(
    named.filter((state) => !isKnown(state)),
    [],
  );
  for (const [name, { kind }] of Object.entries(definitions)) assert.equal(kind, name);
});

/** A deployment that waits, changed in the database by another version while no process ran. */
async function resumedWith(patch: Partial<Operation>) {
  const steps = [aStep('work', async () => ({ wait: 'a word' }))];
  const before = await testCloud({ steps });
  const node = await anAvailableNode(before, 'n1');
  const [server] = await before.engine.createServers(aServerRequest);
  const [operation] = await before.store.operations.list({ kind: 'deploy' });
  while ((await before.store.operations.find({ id: operation!.id }))?.waiting_for !== 'a word') await new Promise(setImmediate);
  await before.engine.stop();
  await before.store.operations.update({ id: operation!.id }, patch);
  const after = await testCloud({ room: before.room, steps, store: before.store });
  await after.engine.start();
  return { ...after, node, server: server!, operation: operation! };
}

test('a request that violates its schema ends the operation, and its node is cleaned', async () => {
  const { engine, store, node, server, operation } = await resumedWith({ request: { deploy_interface: 7 } });
  const { fault, state } = await engine.ended(operation.id);
  assert.deepEqual([state, fault?.code], ['failed', 'internal']);
  assert.match(fault?.message ?? '', /the request of deploy operation \S+ is not understood/);
  assert.equal((await store.servers.find({ id: server.id }))?.vm_state, 'error');
  assert.equal((await store.nodes.find({ uuid: node.uuid }))?.provision_state, 'cleaning');
  await engine.stop();
  await store.close();
});

test('ends an operation of an unknown kind and releases its node', async () => {
  const { engine, store, node, operation } = await resumedWith({ kind: 'rescue' });
  const { fault, state } = await engine.ended(operation.id);
  assert.deepEqual([state, fault?.message], ['failed', 'Unexpected error: there is no operation of kind rescue']);
  assert.equal((await store.nodes.find({ uuid: node.uuid }))?.operation_id, null);
  await engine.stop();
  await store.close();
});

test('does not assume an untouched disk if the context is unreadable', async () => {
  // `agent` would say that the ramdisk had run.
  const context = { disk_untouched: true, machine_untouched: true, agent: 'since noon' };
  const cloud = await resumedWith({ context, state: 'rolling_back', step: 'keep console' });
  await cloud.engine.ended(cloud.operation.id);
  assert.equal((await cloud.store.nodes.find({ uuid: cloud.node.uuid }))?.provision_state, 'cleaning');
  await cloud.engine.stop();
  await cloud.store.close();
});

test('makes the node available at once if the context says that the disk is untouched', async () => {
  const context = { disk_untouched: true, machine_untouched: true };
  const cloud = await resumedWith({ context, state: 'rolling_back', step: 'keep console' });
  await untilIdle(cloud);
  assert.equal((await cloud.store.nodes.find({ uuid: cloud.node.uuid }))?.provision_state, 'available');
  await cloud.engine.stop();
  await cloud.store.close();
});
