/** Protected, retired and uncleaned nodes, and what a PATCH may change in which state. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Fault } from '#domain/faults.ts';
import type { Node } from '#store/tables/nodes.ts';
import { aServerRequest } from '#test/a-cloud.ts';
import { anImage } from '#test/a-task.ts';
import { openRackFixture } from '#test/rack-fixture.ts';
import { aFreeNode } from '#test/two-projects.ts';

const fixture = await openRackFixture();
after(() => fixture.close());
const { store, engine } = fixture;
const image = anImage();
await store.images.insert(image);
const { project_id } = aServerRequest;
await store.projects.insert({ id: project_id, domain_id: 'default', name: project_id, description: '' });
const request = { ...aServerRequest, image };

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

async function ask(method: Method, path: string, payload?: object, version = '1.109') {
  const headers = { 'x-openstack-ironic-api-version': version };
  const { status, body } = await fixture.ask({ method, url: `/baremetal/v1/${path}`, headers, ...(payload && { payload }) });
  const text = body?.error_message ? JSON.parse(body.error_message).faultstring : '';
  return { status, body, text };
}

const set = (node: string, fields: object) =>
  ask(
    'PATCH',
    `nodes/${node}`,
    Object.entries(fields).map(([name, value]) => ({ op: 'add', path: `/${name}`, value })),
  );
const provision = (node: string, target: string) => ask('PUT', `nodes/${node}/states/provision`, { target });
const shown = async (node: string) => (await ask('GET', `nodes/${node}`)).body;

async function untilState(uuid: string, state: string): Promise<void> {
  while ((await store.nodes.find({ uuid }))?.provision_state !== state) await new Promise(setImmediate);
}

/** With an instance of Ironic's API. */
async function anActiveNode(): Promise<string> {
  const uuid = await aFreeNode(fixture);
  await set(uuid, { instance_info: { image_source: image.id } });
  await provision(uuid, 'active');
  await fixture.quiet();
  assert.equal((await shown(uuid)).provision_state, 'active');
  return uuid;
}

async function aNode(changes: Partial<Node>): Promise<string> {
  const uuid = await aFreeNode(fixture);
  await store.nodes.update({ uuid }, changes);
  return uuid;
}

test('a protected node is neither undeployed, nor rebuilt, nor deleted, until its protection ends', async () => {
  const uuid = await anActiveNode();
  const protectedNode = await set(uuid, { protected: 'True', protected_reason: 'production' });
  assert.deepEqual([protectedNode.body.protected, protectedNode.body.protected_reason], [true, 'production']);

  const text = `Node ${uuid} is protected and cannot be undeployed, rebuilt or deleted`;
  for (const verb of ['deleted', 'undeploy', 'rebuild']) {
    const refused = await provision(uuid, verb);
    assert.deepEqual([refused.status, refused.text], [403, text], verb);
  }
  await ask('PUT', `nodes/${uuid}/maintenance`);
  const deletion = await ask('DELETE', `nodes/${uuid}`);
  assert.deepEqual([deletion.status, deletion.text], [403, text]);
  await ask('DELETE', `nodes/${uuid}/maintenance`);

  const ended = await set(uuid, { protected: false });
  assert.deepEqual([ended.body.protected, ended.body.protected_reason], [false, null]);
  assert.equal((await provision(uuid, 'deleted')).status, 202);
  await fixture.quiet();
});

test('a server on a protected node is neither deleted nor rebuilt', async () => {
  const uuid = await aFreeNode(fixture);
  const [server] = await engine.createServers({ ...request, node: uuid });
  await fixture.quiet();
  await set(uuid, { protected: true });
  const id = server?.id ?? '';

  await assert.rejects(engine.deleteServer(id), { code: 'conflict', message: /Cannot 'delete' instance .* is protected/ });
  await assert.rejects(engine.rebuildServer(id, { image }), { code: 'conflict', message: /Cannot 'rebuild' instance/ });
  assert.equal((await provision(uuid, 'deleted')).status, 403);

  assert.deepEqual((await store.servers.find({ id }))?.vm_state, 'active');
  await set(uuid, { protected: false });
  await engine.deleteServer(id);
  await fixture.quiet();
});

test('a retired node is not provided, and becomes manageable after its instance', async () => {
  const uuid = await anActiveNode();
  const retired = await set(uuid, { retired: true, retired_reason: 'old' });
  assert.deepEqual([retired.body.retired, retired.body.retired_reason], [true, 'old']);
  const found = await ask('GET', 'nodes?retired=true');
  assert.deepEqual(
    found.body.nodes.map((node: Node) => node.uuid),
    [uuid],
  );

  await provision(uuid, 'deleted');
  await fixture.quiet();
  assert.equal((await shown(uuid)).provision_state, 'manageable');
  const refused = await provision(uuid, 'provide');
  assert.equal(refused.status, 400);
  assert.equal(refused.text, `The providing operation can't be performed on node ${uuid} because it is retired.`);

  const back = await set(uuid, { retired: false });
  assert.deepEqual([back.body.retired, back.body.retired_reason], [false, null]);
  assert.equal((await provision(uuid, 'provide')).status, 202);
});

test('an available node cannot be retired', async () => {
  const uuid = await aFreeNode(fixture);

  const refused = await set(uuid, { retired: true });

  assert.equal(refused.status, 409);
  assert.match(refused.text, /can not have 'retired' set in provision state 'available'/);
});

test('a server whose deployment failed leaves a retired node manageable', async () => {
  const uuid = await aFreeNode(fixture);
  fixture.breakDeployments(new Fault('agentFailed', { command: 'write', detail: 'no disk' }));
  const goOn = fixture.hold();
  await engine.createServers({ ...request, node: uuid });
  await store.nodes.update({ uuid }, { retired: true });
  goOn();
  await fixture.quiet();
  fixture.breakDeployments(undefined);

  assert.equal((await shown(uuid)).provision_state, 'manageable');
});

test('a node with automated_clean false becomes available uncleaned, which is recorded', async () => {
  const uuid = await anActiveNode();
  await set(uuid, { automated_clean: false });

  await provision(uuid, 'deleted');
  await fixture.quiet();

  const node = await store.nodes.find({ uuid });
  assert.deepEqual([node?.provision_state, node?.must_clean], ['available', true]);
  const operations = await store.operations.list({ node_uuid: uuid, kind: 'clean' });
  assert.deepEqual(operations, []);
  const { body } = await ask('GET', `nodes/${uuid}/events`);
  const messages = body.events.map((event: { message: string }) => event.message).join('\n');
  assert.match(messages, /automated cleaning is disabled by its automated_clean: the disks keep the data/);

  await set(uuid, { automated_clean: null });
  assert.equal((await shown(uuid)).automated_clean, null);
  await provision(uuid, 'manage');
  await provision(uuid, 'provide');
  await fixture.quiet();
  assert.equal((await store.operations.list({ node_uuid: uuid, kind: 'clean' })).length, 1);
});

test('an uncleaned node stays marked when a deployment fails before it writes', async () => {
  const uuid = await aNode({ must_clean: true });
  fixture.breakDeployments(new Fault('imageUnusable', { image: image.id, detail: 'too large' }));
  await engine.createServers({ ...request, node: uuid });
  await fixture.quiet();
  fixture.breakDeployments(undefined);

  const node = await store.nodes.find({ uuid });
  assert.deepEqual([node?.provision_state, node?.must_clean], ['available', true]);
});

test('a node with automated_clean true is cleaned at each provide', async () => {
  const uuid = await aFreeNode(fixture);
  await set(uuid, { automated_clean: true });

  await provision(uuid, 'manage');
  await provision(uuid, 'provide');
  await fixture.quiet();

  assert.equal((await store.operations.list({ node_uuid: uuid, kind: 'clean' })).length, 1);
});

const changes: [given: Partial<Node>, fields: object, status: number, text: RegExp][] = [
  [{ provision_state: 'active' }, { deploy_interface: 'fake' }, 200, /^$/],
  [
    { provision_state: 'active', resource_class: 'small' },
    { resource_class: 'large' },
    409,
    /can not have resource_class updated/,
  ],
  [{ provision_state: 'active' }, { resource_class: 'large' }, 200, /^$/],
  [{ provision_state: 'manageable', resource_class: 'small' }, { resource_class: 'large' }, 200, /^$/],
  [
    { provision_state: 'deploying', target_provision_state: 'active' },
    { extra: { a: 1 } },
    409,
    /state transition is in progress/,
  ],
  [{ provision_state: 'deploying', target_provision_state: 'active' }, { maintenance: true }, 200, /^$/],
  [{ provision_state: 'deploy failed', target_provision_state: 'active' }, { extra: { a: 1 } }, 200, /^$/],
  [{ console_enabled: true }, { driver: 'ipmi' }, 409, /can not update the driver while the console is enabled/],
];
for (const [given, fields, status, text] of changes) {
  test(`a change of ${JSON.stringify(fields)} of a node that is ${JSON.stringify(given)} gets ${status}`, async () => {
    const uuid = await aNode(given);

    const reply = await set(uuid, fields);

    assert.equal(reply.status, status);
    assert.match(reply.text, text);
  });
}

test('an interface of an active node changes only in maintenance', async () => {
  const uuid = await aNode({ provision_state: 'active', deploy_interface: 'other' });

  const refused = await set(uuid, { deploy_interface: 'fake' });
  await ask('PUT', `nodes/${uuid}/maintenance`);
  const accepted = await set(uuid, { deploy_interface: 'fake' });

  assert.equal(refused.status, 409);
  assert.match(refused.text, /can not have deploy_interface updated unless .* Current state is 'active'/);
  assert.equal(accepted.status, 200);
});

test('a node is deleted only in the states of Ironic, in others only in maintenance', async () => {
  const failed = await aNode({ provision_state: 'inspect failed' });
  const refused = await ask('DELETE', `nodes/${failed}`);
  assert.equal(refused.status, 409);
  assert.match(
    refused.text,
    /while it is in provision state "inspect failed"\. Valid provision states .* 'manageable', 'enroll'/,
  );

  await ask('PUT', `nodes/${failed}/maintenance`);
  assert.equal((await ask('DELETE', `nodes/${failed}`)).status, 204);
  assert.equal((await ask('DELETE', `nodes/${await aNode({ provision_state: 'adopt failed' })}`)).status, 204);
});

for (const how of ['PUT', 'PATCH'] as const) {
  test(`maintenance set by ${how} during a power failure is the operator's, and does not end by itself`, async () => {
    const uuid = await aNode({ maintenance: true, maintenance_reason: 'silent', fault: 'power failure' });

    const reply =
      how === 'PUT'
        ? await ask('PUT', `nodes/${uuid}/maintenance`, { reason: 'new disks' })
        : await set(uuid, { maintenance: true });

    const node = await shown(uuid);
    assert.deepEqual([reply.status, node.maintenance, node.fault], [how === 'PUT' ? 202 : 200, true, null]);
  });
}

test('a deployment that waits is aborted from 1.110 on', async () => {
  const uuid = await aNode({ instance_info: { image_source: image.id } });
  fixture.waitInDeployments(true);
  await provision(uuid, 'active');
  await untilState(uuid, 'wait call-back');
  const abort = (version: string) => ask('PUT', `nodes/${uuid}/states/provision`, { target: 'abort' }, version);

  const before = await abort('1.109');
  const since = await abort('1.110');
  await fixture.quiet();
  fixture.waitInDeployments(false);

  assert.deepEqual([before.status, since.status], [406, 202]);
  assert.match(before.text, /needs API version 1\.110/);
  const { provision_state, last_error, instance_info } = await shown(uuid);
  assert.deepEqual([provision_state, instance_info.image_source], ['deploy failed', image.id]);
  assert.match(last_error, /^By request, the deploy operation was aborted/);
});
