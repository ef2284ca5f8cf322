import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { anAvailableNode, testCloud } from '#test/a-cloud.ts';
import { aServer } from '#test/a-task.ts';

/** A password change on a BMC that does not respond until the test lets it. */
async function aChange(t: TestContext) {
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<void>();
  const reported: string[] = [];
  const cloud = await testCloud({
    management: {
      async changePassword(_, password) {
        reported.push(password);
        asked.resolve();
        await answer.promise;
      },
    },
  });
  const { store, engine } = cloud;
  t.after(() => store.close());
  const { uuid } = await anAvailableNode(cloud, 'n1');
  await store.nodes.update({ uuid }, { driver_info: { room_password: 'old' } });
  const rotate = () => engine.callVendor(uuid, { method: 'rotate_password', http: 'POST', parameters: { password: 'new' } });
  const row = async () => (await store.nodes.find({ uuid }))!;
  return { ...cloud, uuid, rotate, row, reported, asked: asked.promise, answer: () => answer.resolve() };
}

const held = { code: 'nodeBusy', message: /n1 is locked by a BMC password change/ };

test('rejects updates, operations and deletion of a node during a BMC password change', async (t) => {
  const { engine, store, uuid, rotate, row, asked, answer } = await aChange(t);
  const rotation = rotate();
  await asked;
  await assert.rejects(engine.updateNode(uuid, { driver_info: { room_password: 'mine' } }), held);
  await assert.rejects(engine.deleteNode(uuid), held);
  await assert.rejects(engine.setPower(uuid, 'power on'), held);
  assert.equal((await row()).target_power_state, null);
  await engine.setMaintenance(uuid, true, 'a fan is loud');
  answer();
  await rotation;
  const { driver_info, maintenance, maintenance_reason } = await row();
  assert.deepEqual([driver_info, maintenance, maintenance_reason], [{ room_password: 'new' }, true, 'a fan is loud']);
  assert.equal((await store.operations.list()).length, 0);
  await engine.deleteNode(uuid);
});

test('defers the deletion of a server until a BMC password change has completed', async (t) => {
  const { engine, store, uuid, rotate, asked, answer } = await aChange(t);
  await store.servers.insert(aServer({ id: 'server-1', node_uuid: uuid, vm_state: 'active', task_state: null }));
  await store.nodes.update({ uuid }, { instance_uuid: 'server-1', provision_state: 'active' });
  const rotation = rotate();
  await asked;
  await assert.rejects(engine.deleteServer('server-1'), held);
  assert.equal((await store.servers.find({ id: 'server-1' }))?.task_state, null);
  answer();
  await rotation;
  await engine.deleteServer('server-1');
  assert.equal((await store.operations.list({ kind: 'delete' })).length, 1);
  await engine.stop();
});

test('rejects a BMC password change on a node that is locked by an operation', async (t) => {
  const { store, uuid, rotate, row, reported } = await aChange(t);
  await store.nodes.update({ uuid }, { operation_id: 'an-operation' });
  await assert.rejects(rotate(), { code: 'nodeBusy' });
  assert.deepEqual([reported, (await row()).driver_info], [[], { room_password: 'old' }]);
});

test('applies an update to the stored settings, and keeps a password changed meanwhile', async (t) => {
  const { engine, uuid, rotate, row, asked, answer } = await aChange(t);
  const before = await row();
  answer();
  await rotate();
  await asked;
  const changed = await engine.updateNode(uuid, (now) => {
    assert.notDeepEqual(now.driver_info, before.driver_info);
    return { driver_info: { ...now.driver_info, note: 'rack 7' } };
  });
  assert.deepEqual(changed.driver_info, { room_password: 'new', note: 'rack 7' });
});
