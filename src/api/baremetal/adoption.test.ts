/** Nodes that are taken over with the system that runs on them. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { Node } from '#store/tables/nodes.ts';
import { anImage } from '#test/a-task.ts';
import { openRackFixture } from '#test/rack-fixture.ts';
import { aFreeNode } from '#test/two-projects.ts';

const fixture = await openRackFixture();
after(() => fixture.close());
const { store } = fixture;
const image = anImage();
await store.images.insert(image);

async function ask(method: 'GET' | 'PUT' | 'PATCH' | 'DELETE', path: string, payload?: object, version = '1.109') {
  const headers = { 'x-openstack-ironic-api-version': version };
  const { status, body } = await fixture.ask({ method, url: `/baremetal/v1/${path}`, headers, ...(payload && { payload }) });
  const text = body?.error_message ? JSON.parse(body.error_message).faultstring : '';
  return { status, body, text };
}

const provision = (node: string, target: string, version?: string) =>
  ask('PUT', `nodes/${node}/states/provision`, { target }, version);
const shown = async (node: string) => (await ask('GET', `nodes/${node}`)).body;

async function aManageableNode(instance_info: object = {}, changes: Partial<Node> = {}): Promise<string> {
  const uuid = await aFreeNode(fixture);
  await provision(uuid, 'manage');
  await ask('PATCH', `nodes/${uuid}`, [{ op: 'add', path: '/instance_info', value: instance_info }]);
  if (Object.keys(changes).length > 0) await store.nodes.update({ uuid }, changes);
  return uuid;
}

async function adopt(uuid: string) {
  assert.equal((await provision(uuid, 'adopt')).status, 202);
  await fixture.quiet();
  return shown(uuid);
}

test('adopts a machine without sending it anything, and rebuilds and deletes what runs on it', async () => {
  const uuid = await aManageableNode({ image_source: image.id });

  const adopted = await adopt(uuid);

  assert.deepEqual([adopted.provision_state, adopted.last_error, adopted.instance_uuid], ['active', null, null]);
  const { body } = await ask('GET', `nodes/${uuid}/events`);
  const commands = body.events
    .filter(({ kind }: { kind: string }) => kind === 'bmc')
    .map((event: { subject: string }) => event.subject);
  assert.deepEqual(commands, []);
  assert.equal((await store.nodes.find({ uuid }))?.must_clean, true);

  assert.equal((await provision(uuid, 'rebuild')).status, 202);
  await fixture.quiet();
  assert.equal((await shown(uuid)).provision_state, 'active');
  await provision(uuid, 'deleted');
  await fixture.quiet();
  assert.equal((await shown(uuid)).provision_state, 'available');
  assert.equal((await store.operations.list({ node_uuid: uuid, kind: 'clean' })).length, 1);
});

test('adopts a machine of which no image is known', async () => {
  const uuid = await aManageableNode();

  assert.equal((await adopt(uuid)).provision_state, 'active');

  assert.match((await provision(uuid, 'rebuild')).text, /Missing are: \['instance_info.image_source'\]/);
});

test("refuses to adopt disks with a former tenant's data, also after their cleaning has failed", async () => {
  const uuid = await aManageableNode({}, { must_clean: true });
  const { status, text } = await provision(uuid, 'adopt');
  assert.equal(status, 409);
  assert.match(text, /may hold a former tenant's data. Run 'provide' first/);
  assert.equal((await shown(uuid)).provision_state, 'manageable');
});

const failures: [name: string, instance_info: object, changes: Partial<Node>, error: RegExp][] = [
  ['an image that is not there', { image_source: 'aaaaaaaa-0000-4000-8000-000000000000' }, {}, /there is no such image/],
  ['a boot from the network', { capabilities: '{"boot_option": "netboot"}' }, {}, /boots from the network is not supported/],
  ['a driver without its settings', {}, { driver: 'ipmi' }, /ipmi_address is missing/],
];
for (const [name, instance_info, changes, error] of failures) {
  test(`the adoption with ${name} fails, and can be repeated`, async () => {
    const uuid = await aManageableNode(instance_info, changes);

    const failed = await adopt(uuid);

    assert.deepEqual(
      [failed.provision_state, failed.target_provision_state, failed.power_state],
      ['adopt failed', 'active', null],
    );
    assert.match(failed.last_error, error);
    assert.match(failed.last_error, new RegExp(`^Error while attempting to adopt node ${uuid}: `));
    await ask('PATCH', `nodes/${uuid}`, [
      { op: 'add', path: '/instance_info', value: {} },
      { op: 'add', path: '/driver', value: 'fake-hardware' },
    ]);
    await store.nodes.update({ uuid }, { driver: 'fake-hardware' });
    assert.deepEqual([(await adopt(uuid)).provision_state], ['active']);
  });
}

test('a node whose adoption failed becomes manageable, and is cleaned before it is available', async () => {
  const uuid = await aManageableNode({ image_source: 'aaaaaaaa-0000-4000-8000-000000000000' });
  await adopt(uuid);

  await provision(uuid, 'manage');
  const managed = await shown(uuid);
  await provision(uuid, 'provide');
  await fixture.quiet();

  assert.deepEqual([managed.provision_state, managed.last_error], ['manageable', null]);
  assert.equal((await store.operations.list({ node_uuid: uuid, kind: 'clean' })).length, 1);
});

test('adopts only manageable nodes, and only since 1.17', async () => {
  const available = await aFreeNode(fixture);
  const manageable = await aManageableNode();

  assert.equal((await provision(available, 'adopt')).status, 400);
  assert.equal((await provision(manageable, 'adopt', '1.16')).status, 406);
});
