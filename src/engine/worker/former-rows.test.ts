/** Rows as the former version wrote them, before operations had typed contexts, are resumed after an update. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { JsonObject } from '#domain/json.ts';
import type { Operation } from '#store/tables/operations.ts';
import { testCloud } from '#test/a-cloud.ts';
import { anOperation } from '#test/a-task.ts';

/** A cleaning whose agent has erased the disk, as it was in the database when the former version stopped. */
const cleaned: JsonObject = {
  agent_secret: 'secret',
  console_cleared: true,
  console_since: '0',
  agent: { first: '2026-11-01T00:00:00.000Z', last: '2026-11-01T00:00:00.000Z', address: '10.0.0.5' },
  agent_binding: { instance: 'digest', address: '10.0.0.5', name: '10.0.0.5', session: 'session' },
  replies: {
    clean: { ok: true, result: { disks: [{ device: '/dev/vda', method: 'discard', size_bytes: 1, seconds: 1 }] } },
  },
};

async function resumed(t: TestContext, row: Pick<Operation, 'step' | 'context'> & Partial<Operation>) {
  const cloud = await testCloud();
  t.after(async () => {
    await cloud.engine.stop();
    await cloud.store.close();
  });
  const { engine, store } = cloud;
  const { uuid } = await engine.createNode({ name: 'n1', driver: 'room', provision_state: 'manageable' });
  const request = { target: 'available', boot_interface: 'ipxe' };
  const operation = anOperation({ kind: 'clean', node_uuid: uuid, server_id: null, request, ...row });
  await store.operations.insert(operation);
  await store.nodes.update({ uuid }, { provision_state: 'cleaning', operation_id: operation.id, must_clean: true });
  await engine.start();
  const ended = await engine.ended(operation.id);
  return { ended, node: (await store.nodes.find({ uuid }))! };
}

test('resumes a cleaning at a step that has been renamed', async (t) => {
  const { ended, node } = await resumed(t, { step: 'power off again', context: cleaned });
  assert.deepEqual([ended.state, ended.fault], ['done', null]);
  assert.deepEqual([node.provision_state, node.must_clean, node.operation_id], ['available', false, null]);
});

test('an unknown step ends the cleaning, and the node remains to be cleaned', async (t) => {
  const { ended, node } = await resumed(t, { step: 'polish the disks', context: cleaned });
  assert.deepEqual([ended.state, ended.fault?.code], ['failed', 'internal']);
  assert.deepEqual([node.provision_state, node.must_clean, node.operation_id], ['clean failed', true, null]);
});

test('resumes a rollback', async (t) => {
  const fault = { code: 'agentFailed', message: 'no' } as unknown as NonNullable<Operation['fault']>;
  const { ended, node } = await resumed(t, { state: 'rolling_back', step: 'remove boot files', context: cleaned, fault });
  assert.deepEqual([ended.state, node.provision_state, node.must_clean], ['failed', 'clean failed', true]);
});
