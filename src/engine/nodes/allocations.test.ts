import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '#domain/faults.ts';
import { newSharedState, testCloud, untilIdle } from '#test/a-cloud.ts';

const wanted = { name: null, traits: [], candidate_nodes: [], extra: {}, owner: null, resource_class: 'metal' };

test('a running power change does not keep a node from being allocated; any other operation or a firmware update does', async (t) => {
  const room = newSharedState();
  const cloud = await testCloud({ room, settings: { 'bmc.grace_period': '600' } });
  t.after(async () => {
    await cloud.engine.stop();
    await cloud.store.close();
  });
  const { engine, store } = cloud;
  const { uuid } = await engine.createNode({ driver: 'room', provision_state: 'available', resource_class: 'metal' });
  await store.nodes.update({ uuid }, { power_state: 'power off' });
  room.bmcFault = () => new Fault('bmcUnreachable', { address: '', attempts: 1, seconds: 1, detail: 'silence' });
  await engine.setPower(uuid, 'power on');
  const id = String((await store.nodes.find({ uuid }))?.operation_id);

  await store.operations.update({ id }, { kind: 'inspect' });
  const refused = await engine.createAllocation(wanted);
  await store.operations.update({ id }, { kind: 'power' });
  const update = { id: 'u', component: '', operation_id: id, url: '', versions: {}, task: null, sent_at: '2026-01-01' };
  await store.firmware_updates.insert({ ...update, node_uuid: uuid, expires_at: '9999-01-01T00:00:00.000Z' });
  const updating = await engine.createAllocation(wanted);
  await store.firmware_updates.remove({ node_uuid: uuid });
  const allocated = await engine.createAllocation(wanted);
  await engine.setProvisionState(uuid, 'abort');
  await untilIdle(cloud);

  assert.deepEqual([refused.state, refused.node_uuid], ['error', null]);
  assert.deepEqual([updating.state, updating.node_uuid], ['error', null]);
  assert.deepEqual([allocated.state, allocated.node_uuid], ['active', uuid]);
  const after = await store.nodes.find({ uuid });
  assert.deepEqual([after?.instance_uuid, after?.operation_id], [allocated.uuid, null]);
});
