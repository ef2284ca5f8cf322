import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '#domain/faults.ts';
import { directSteps } from '#drivers/direct/steps.ts';
import type { Step } from '#drivers/interfaces.ts';
import { createIscsiDeploy } from '#drivers/iscsi/index.ts';
import { anAvailableNode, aServerRequest, aStep, testCloud } from '#test/a-cloud.ts';

const breaks = aStep('break', async () => {
  throw new Fault('agentFailed', { command: 'break', detail: 'as this test asks' });
});
const { keepsDisk: _, ...silent } = breaks;

async function stateAfter(steps: readonly Step[]): Promise<string | undefined> {
  const cloud = await testCloud({ steps });
  const node = await anAvailableNode(cloud, 'n1');
  await cloud.engine.createServers(aServerRequest);
  const [operation] = await cloud.store.operations.list({ kind: 'deploy' });
  await cloud.engine.ended(operation!.id);
  const found = await cloud.store.nodes.find({ uuid: node.uuid });
  await cloud.engine.stop();
  await cloud.store.close();
  return found?.provision_state;
}

test('skips the cleaning only if every step up to the failure declares that it keeps the disk', async () => {
  const writes: Step = { ...silent, name: 'write', run: async () => ({ next: true }) };

  assert.equal(await stateAfter([breaks]), 'available');
  assert.equal(await stateAfter([silent]), 'cleaning');
  assert.equal(await stateAfter([writes, breaks]), 'cleaning');
});

test('both deploy chains declare it for exactly the steps before the first write', () => {
  const times = { agentTimeout: 60, imageTimeout: 60, silenceTimeout: 30 };
  for (const steps of [directSteps(times), createIscsiDeploy(times).steps]) {
    assert.deepEqual(
      steps.filter(({ keepsMachine }) => keepsMachine).map(({ name }) => name),
      steps.slice(0, 1).map(({ name }) => name),
    );
    const names = steps.filter(({ keepsDisk }) => keepsDisk).map(({ name }) => name);
    assert.deepEqual(
      names,
      steps.slice(0, steps.findIndex(({ name }) => name === 'wait for the ramdisk') + 1).map(({ name }) => name),
    );
  }
});

test('counts failures against a node, except cancellations and faults of the request', async () => {
  for (const [code, failures] of [
    ['interrupted', 1],
    ['bmcConnectionClosed', 1],
    ['limitReached', 0],
    ['agentFailed', 1],
    ['toolFailed', 1],
    ['cancelled', 0],
    ['checksumMismatch', 0],
    ['preparedImageDamaged', 0],
    ['imageUnusable', 0],
    ['noSpace', 0],
  ] as const) {
    const fault = new Fault(code, { what: 'The session', why: 'all sessions are in use' });
    const cloud = await testCloud({ steps: [aStep('fail', async () => Promise.reject(fault))] });
    const node = await anAvailableNode(cloud, 'n1');
    await cloud.engine.createServers(aServerRequest);
    const [operation] = await cloud.store.operations.list({ kind: 'deploy' });
    await cloud.engine.ended(operation!.id);
    const found = await cloud.store.nodes.find({ uuid: node.uuid });
    assert.equal(found?.failures, failures);
    assert.equal(found?.last_error === null, code === 'cancelled');
    await cloud.engine.stop();
    await cloud.store.close();
  }
});
