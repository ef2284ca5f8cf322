import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Fault } from '#domain/faults.ts';
import { anAvailableNode, aServerRequest, aStep, testCloud, untilIdle } from '#test/a-cloud.ts';

type Source = 'none' | 'instance' | 'request';

async function leasingCloud(t: TestContext, source: Source, run: () => Promise<{ next: true }> = async () => ({ next: true })) {
  const settings = { 'deploy.automatic_lessee': source, 'clean.automated': 'false' };
  const cloud = await testCloud({ steps: [aStep('work', run)], settings });
  t.after(async () => {
    await cloud.engine.stop();
    await cloud.store.close();
  });
  const { uuid } = await anAvailableNode(cloud, 'n1');
  const node = async () => (await cloud.store.nodes.find({ uuid }))!;
  const lease = async () => {
    const { lessee, automatic_lessee } = await node();
    return [lessee, automatic_lessee];
  };
  return { ...cloud, uuid, node, lease, ended: () => untilIdle(cloud) };
}

const user = { project_id: 'caller', is_admin: true };
const instance_info = { image_source: aServerRequest.image.id, project_id: 'tenant' };

for (const [source, project] of [
  ['none', null],
  ['instance', 'tenant'],
  ['request', 'caller'],
] as const) {
  test(`an instance of Ironic's API makes ${project ?? 'nobody'} the lessee by the source ${source}`, async (t) => {
    const { engine, store, uuid, node, lease, ended } = await leasingCloud(t, source);
    await store.nodes.update({ uuid }, { instance_info });

    await engine.setProvisionState(uuid, 'active', { user });
    const atOnce = await lease();
    await ended();
    await engine.setProvisionState(uuid, 'rebuild', { user: { ...user, project_id: 'another' } });
    await ended();
    const rebuilt = await lease();
    await engine.setProvisionState(uuid, 'deleted', { user });
    await ended();

    assert.deepEqual(
      [atOnce, rebuilt, await lease()],
      [
        [project, project],
        [project, project],
        [null, null],
      ],
    );
    assert.equal((await node()).instance_uuid, null);
  });
}

test("a server's project leases its node until the server is deleted", async (t) => {
  const { engine, lease, ended } = await leasingCloud(t, 'instance');

  const [server] = await engine.createServers(aServerRequest);
  const atOnce = await lease();
  await ended();
  await engine.deleteServer(server!.id);
  await ended();

  assert.deepEqual(
    [atOnce, await lease()],
    [
      [server!.project_id, server!.project_id],
      [null, null],
    ],
  );
});

test('a server whose deployment fails leases the node no longer', async (t) => {
  const { engine, lease, node, ended } = await leasingCloud(t, 'instance', async () => {
    throw new Fault('conflict', { detail: 'broken' });
  });

  const [server] = await engine.createServers(aServerRequest);
  await ended();

  assert.deepEqual([(await node()).instance_uuid, await lease()], [null, [null, null]]);
  assert.ok(server);
});

test('a lessee that somebody has set, before or meanwhile, stays', async (t) => {
  const { engine, store, uuid, lease, ended } = await leasingCloud(t, 'instance');
  await store.nodes.update({ uuid }, { lessee: 'partner' });
  const [first] = await engine.createServers(aServerRequest);
  await ended();
  assert.deepEqual(await lease(), ['partner', null]);
  await engine.deleteServer(first!.id);
  await ended();
  assert.deepEqual(await lease(), ['partner', null]);

  await engine.updateNode(uuid, { lessee: null });
  const [second] = await engine.createServers(aServerRequest);
  await ended();
  await engine.updateNode(uuid, { lessee: 'successor' });
  await engine.deleteServer(second!.id);
  await ended();
  assert.deepEqual(await lease(), ['successor', null]);
});

test('a project_id that is no text makes no lessee', async (t) => {
  const { engine, store, uuid, lease, ended } = await leasingCloud(t, 'instance');
  for (const project_id of [7, '', ['tenant'], 'x'.repeat(256)]) {
    await store.nodes.update({ uuid }, { instance_info: { ...instance_info, project_id } });
    await engine.setProvisionState(uuid, 'active', { user });
    await ended();
    assert.deepEqual(await lease(), [null, null]);
    await engine.setProvisionState(uuid, 'deleted', { user });
    await ended();
  }
});
