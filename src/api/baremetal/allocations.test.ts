import assert from 'node:assert/strict';
import { after, afterEach, test } from 'node:test';
import { aFlavor, anImage } from '#test/a-task.ts';
import { openRackFixture } from '#test/rack-fixture.ts';

const fixture = await openRackFixture();
after(() => fixture.close());
const admin = await fixture.logIn('admin', 'correct horse');
await fixture.store.flavors.insert(aFlavor());
await fixture.store.images.insert(anImage());
const nobody = '00000000-0000-4000-8000-000000000000';

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
type Reply = { status: number; body: Record<string, unknown>; headers: Record<string, unknown> };
type Ask = (method: Method, url: string, body?: object) => Promise<Reply>;

const asker =
  (token: string, version = '1.109'): Ask =>
  async (method, url, body) => {
    const headers = { 'x-auth-token': token, 'x-openstack-ironic-api-version': version };
    return (await fixture.ask({ method, url: `/baremetal/v1${url}`, headers, ...(body && { payload: body }) })) as Reply;
  };
const ask = asker(admin);

/** An available node whose power state is known. */
async function aNode(fields: object = {}): Promise<string> {
  const properties = { cpus: 4, memory_mb: 4096, local_gb: 20 };
  const given = { driver: 'fake-hardware', provision_state: 'available' as const, resource_class: 'metal', properties };
  const { uuid } = await fixture.engine.createNode({ ...given, ...fields });
  await fixture.store.nodes.update({ uuid }, { power_state: 'power off' });
  return uuid;
}

const create = (fields: object = {}) => ask('POST', '/allocations', { resource_class: 'metal', ...fields });
/** The body is what the allocation has become, not what the reply shows. */
async function allocate(fields: object = {}): Promise<Reply> {
  const reply = await create(fields);
  return { ...reply, body: (await ask('GET', `/allocations/${reply.body['uuid']}`)).body };
}

async function members(): Promise<Record<'mine' | 'theirs', { id: string; ask: Ask }>> {
  const make = async (noun: string, fields: object) =>
    (await fixture.ask({ method: 'POST', url: `/identity/v3/${noun}s`, payload: { [noun]: fields } })).body[noun];
  const one = async (name: string) => {
    const project = await make('project', { name });
    const user = await make('user', { name, password: 'secret' });
    await fixture.ask({ method: 'PUT', url: `/identity/v3/projects/${project.id}/users/${user.id}/roles/member` });
    return { id: project.id as string, ask: asker(await fixture.logIn(name, 'secret', name)) };
  };
  return { mine: await one('mine'), theirs: await one('theirs') };
}
const { mine, theirs } = await members();

afterEach(async () => {
  await fixture.store.nodes.update({}, { instance_uuid: null, allocation_uuid: null });
  await fixture.store.allocations.remove({});
  for (const { uuid } of await fixture.store.nodes.list()) await fixture.engine.deleteNode(uuid);
});

test('the reply to the creation of an allocation says that the node is still being chosen', async () => {
  await aNode();

  const { body } = await create();

  assert.deepEqual([body['state'], body['node_uuid'], body['last_error']], ['allocating', null, null]);
  assert.equal((await ask('GET', `/allocations/${body['uuid']}`)).body['state'], 'active');
});

test('an allocation holds a node that fits, and releases it when it is deleted', async () => {
  await aNode({ resource_class: 'other' });
  await aNode({ traits: ['CUSTOM_SLOW'] });
  const fast = await aNode({ traits: ['CUSTOM_FAST', 'CUSTOM_GPU'] });

  const { status, body, headers } = await allocate({ name: 'one', traits: ['CUSTOM_FAST'], extra: { a: 1 } });
  const node = (await ask('GET', `/nodes/${fast}`)).body;
  const ofNode = await ask('GET', `/nodes/${fast}/allocation`);
  const deleted = await ask('DELETE', '/allocations/one');
  const released = (await ask('GET', `/nodes/${fast}`)).body;

  const uuid = body['uuid'] as string;
  assert.equal(status, 201);
  assert.match(String(headers['location']), new RegExp(`/baremetal/v1/allocations/${uuid}$`));
  assert.deepEqual([body['state'], body['node_uuid'], body['last_error']], ['active', fast, null]);
  assert.deepEqual([body['traits'], body['candidate_nodes'], body['extra']], [['CUSTOM_FAST'], [], { a: 1 }]);
  assert.deepEqual([node['instance_uuid'], node['allocation_uuid']], [uuid, uuid]);
  assert.deepEqual(node['instance_info'], { traits: ['CUSTOM_FAST'] });
  assert.deepEqual(ofNode.body, body);
  assert.deepEqual([deleted.status, released['instance_uuid'], released['allocation_uuid']], [204, null, null]);
  assert.equal((await ask('GET', `/nodes/${fast}/allocation`)).status, 404);
});

test('the node with the name of the allocation is preferred, among the candidates if there are any', async () => {
  const [first, named] = [await aNode({ name: 'first' }), await aNode({ name: 'web' })];

  assert.equal((await allocate({ name: 'web' })).body['node_uuid'], named);
  assert.equal((await ask('DELETE', '/nodes/web/allocation')).status, 204);
  const among = (await allocate({ name: 'web', candidate_nodes: ['first'] })).body;
  assert.deepEqual([among['node_uuid'], among['candidate_nodes']], [first, [first]]);
});

const unfit: readonly [what: string, change: object][] = [
  ['in maintenance', { maintenance: true }],
  ['with a fault', { fault: 'power failure' }],
  ['whose power state is unknown', { power_state: null }],
  ['in another state', { provision_state: 'manageable' }],
  ['with a server', { instance_uuid: nobody }],
  ['of another resource class', { resource_class: 'METAL' }],
];
for (const [what, change] of unfit) {
  test(`a node ${what} is not allocated`, async () => {
    const uuid = await aNode();
    await fixture.store.nodes.update({ uuid }, change);

    const { status, body } = await allocate();

    assert.deepEqual([status, body['state'], body['node_uuid']], [201, 'error', null]);
    const reason = 'no available nodes match the resource class metal';
    assert.equal(body['last_error'], `Failed to process allocation ${body['uuid']}: ${reason}.`);
    assert.equal((await ask('DELETE', `/allocations/${body['uuid']}`)).status, 204);
  });
}

test('the error says whether candidates or traits are why there is no node', async () => {
  const uuid = await aNode({ resource_class: 'other' });
  const candidates = (await allocate({ candidate_nodes: [uuid] })).body['last_error'];
  const traits = (await allocate({ resource_class: 'other', traits: ['CUSTOM_A'] })).body['last_error'];

  assert.match(String(candidates), /none of the requested nodes are available and match the resource class metal\.$/);
  assert.match(String(traits), /no suitable nodes have the requested traits CUSTOM_A\.$/);
});

test('an allocated node is not chosen for a server, is not deleted, and is not provisioned', async () => {
  const uuid = await aNode();
  await fixture.engine.createNodePort({ node_uuid: uuid, address: '52:54:00:00:00:01' });
  await allocate();

  const refusals = [
    await ask('DELETE', `/nodes/${uuid}`),
    await ask('PUT', `/nodes/${uuid}/states/provision`, { target: 'manage' }),
    await ask('PUT', `/nodes/${uuid}/states/provision`, { target: 'deleted' }),
  ];
  const server = await aServer('late');

  assert.deepEqual(
    refusals.map(({ status }) => status),
    [409, 409, 400],
  );
  assert.match(JSON.stringify(await fixture.store.servers.find({ id: server })), /1 in use/);
});

async function aServer(name: string): Promise<string> {
  const { id: flavorRef = '' } = (await fixture.store.flavors.find({})) ?? {};
  const { id: imageRef = '' } = (await fixture.store.images.find({})) ?? {};
  const payload = { server: { name, flavorRef, imageRef, networks: 'none' } };
  const headers = { 'x-auth-token': admin, 'openstack-api-version': 'compute 2.90' };
  const { status, body } = await fixture.ask({ method: 'POST', url: '/compute/v2.1/servers', headers, payload });
  assert.equal(status, 202, JSON.stringify(body));
  return body.server.id;
}

test('allocations and servers at once share five nodes: no node is given twice', async () => {
  for (let index = 0; index < 5; index++) {
    const node_uuid = await aNode();
    await fixture.engine.createNodePort({ node_uuid, address: `52:54:00:00:01:0${index}` });
  }
  const starting = Array.from({ length: 10 }, (_, index) => aServer(`racing ${index}`));
  const allocations = (await Promise.all([allocate(), allocate(), allocate()])).map(({ body }) => body);
  const servers = await Promise.all(starting);

  const placed = await fixture.store.servers.pick(['id', 'node_uuid'], { id: servers });
  const allocated = allocations.flatMap(({ node_uuid }) => (node_uuid === null ? [] : [node_uuid]));
  const taken = [...allocated, ...placed.flatMap(({ node_uuid }) => node_uuid ?? [])];
  assert.deepEqual([taken.length, new Set(taken).size], [5, 5]);
  await fixture.quiet();
  const nodes = await fixture.store.nodes.list();
  assert.equal(nodes.filter(({ allocation_uuid }) => allocation_uuid !== null).length, allocated.length);
  for (const id of servers) await fixture.engine.deleteServer(id);
  await fixture.quiet();
});

test('an allocation is made afterwards for a server, ends with it, and cannot take its node away', async () => {
  const uuid = await aNode({ name: 'used' });
  await fixture.engine.createNodePort({ node_uuid: uuid, address: '52:54:00:00:00:02' });
  const early = await ask('POST', '/allocations', { node: 'used' });
  const id = await aServer('first');
  await fixture.quiet();

  const older = await asker(admin, '1.57')('POST', '/allocations', { node: 'used' });
  const otherUuid = await ask('POST', '/allocations', { node: 'used', uuid: nobody });
  const otherClass = await ask('POST', '/allocations', { node: 'used', resource_class: 'x', candidate_nodes: [] });
  const { status, body } = await ask('POST', '/allocations', { node: 'used' });
  const deleted = await ask('DELETE', `/allocations/${body['uuid']}`);
  await ask('PATCH', '/nodes/used', [{ op: 'replace', path: '/maintenance', value: true }]);
  const inMaintenance = await ask('DELETE', `/allocations/${body['uuid']}`);
  await ask('PATCH', '/nodes/used', [{ op: 'replace', path: '/maintenance', value: false }]);
  await fixture.engine.deleteServer(id);
  await fixture.quiet();

  assert.deepEqual([early.status, older.status, otherUuid.status, otherClass.status], [409, 400, 409, 409]);
  assert.match(JSON.stringify(early.body), /Node must be in the .*active.* state, but the current state is .*available/);
  assert.deepEqual([status, body['uuid'], body['resource_class'], body['node_uuid']], [201, id, 'metal', uuid]);
  assert.deepEqual([deleted.status, inMaintenance.status], [409, 409]);
  assert.equal((await ask('GET', `/allocations/${id}`)).status, 404);
  assert.equal((await ask('GET', '/nodes/used')).body['allocation_uuid'], null);
});

test('the UUID of a server without a node is not taken by an allocation', async () => {
  const id = await aServer('without a node');

  const { status } = await allocate({ uuid: id });

  assert.equal(status, 409);
});

test('name and extra change, nothing else does', async () => {
  await allocate({ name: 'a' });
  await allocate({ name: 'b' });
  const patch = async (path: string, value: unknown, asks = ask) => {
    const { status, body } = await asks('PATCH', '/allocations/a', [{ op: 'replace', path, value }]);
    return [status, status === 200 ? body[path.slice(1)] : JSON.stringify(body)] as [number, unknown];
  };

  assert.deepEqual(await patch('/extra', { b: 2 }), [200, { b: 2 }]);
  assert.match(String((await patch('/name', 'b'))[1]), /An allocation with name b already exists/);
  assert.match(String((await patch('/name', 'a b'))[1]), /Cannot update allocation with invalid name 'a b'/);
  assert.match(String((await patch('/owner', mine.id))[1]), /Cannot patch \/owner/);
  assert.equal((await patch('/extra', {}, asker(admin, '1.56')))[0], 404);
  assert.deepEqual(await patch('/name', 'c'), [200, 'c']);
});

test('lists are filtered, sorted, and come page by page', async () => {
  const node = await aNode();
  await allocate({ name: 'held' });
  await allocate({ name: 'a', resource_class: 'x', owner: mine.id });
  await allocate({ name: 'b', resource_class: 'x' });
  const names = async (query: string) =>
    ((await ask('GET', `/allocations${query}`)).body['allocations'] as { name: string }[]).map(({ name }) => name);
  const { uuid } = (await ask('GET', '/allocations/a')).body;

  assert.deepEqual(await names(''), ['held', 'a', 'b']);
  assert.deepEqual(await names(`?node=${node}`), ['held']);
  assert.deepEqual(await names('?state=error'), ['a', 'b']);
  assert.deepEqual(await names('?resource_class=metal'), ['held']);
  assert.deepEqual(await names(`?owner=${mine.id}`), ['a']);
  assert.deepEqual(await names('?sort_key=name&sort_dir=desc&limit=2'), ['held', 'b']);
  assert.deepEqual(await names(`?marker=${uuid}`), ['b']);
  const [brief] = (await ask('GET', '/allocations?fields=uuid,state&limit=1')).body['allocations'] as object[];
  assert.deepEqual(Object.keys(brief ?? {}), ['uuid', 'state', 'links']);
});

test('each version has its fields and routes', async () => {
  await allocate({ name: 'a' });
  const at = (version: string, url: string, method: Method = 'GET') => asker(admin, version)(method, url);

  assert.equal((await at('1.51', '/allocations')).status, 404);
  assert.equal((await at('1.51', '/allocations/a', 'DELETE')).status, 404);
  assert.ok(!('owner' in (await at('1.59', '/allocations/a')).body));
  assert.equal((await at('1.60', '/allocations/a')).body['owner'], null);
  for (const query of ['owner=x', 'fields=owner', 'sort_key=owner'])
    assert.equal((await at('1.59', `/allocations?${query}`)).status, 406, query);
  assert.equal((await asker(admin, '1.59')('POST', '/allocations', { resource_class: 'x', owner: 'y' })).status, 406);
});

test('a project allocates nodes that it owns, and sees and changes its own allocations', async () => {
  const [foreign, own] = [await aNode({ owner: theirs.id }), await aNode({ owner: mine.id })];

  const created = await mine.ask('POST', '/allocations', { name: 'm', resource_class: 'metal' });
  const none = await mine.ask('POST', '/allocations', { name: 'n', resource_class: 'metal' });
  const candidate = await mine.ask('POST', '/allocations', { resource_class: 'metal', candidate_nodes: [foreign] });
  const forAnother = await mine.ask('POST', '/allocations', { resource_class: 'metal', owner: theirs.id });
  const everywhere = await Promise.all(
    (['GET', 'DELETE'] as const).map(async (method) => (await theirs.ask(method, '/allocations/m')).status),
  );
  const patched = await mine.ask('PATCH', '/allocations/m', [{ op: 'add', path: '/extra/a', value: 1 }]);

  const seen = (name: string) => mine.ask('GET', `/allocations/${name}`).then(({ body }) => body);
  assert.deepEqual([created.status, (await seen('m'))['owner'], (await seen('m'))['node_uuid']], [201, mine.id, own]);
  assert.deepEqual([none.status, (await seen('n'))['state']], [201, 'error']);
  assert.match(JSON.stringify(candidate.body), new RegExp(`Nodes cannot be found: ${foreign}`));
  assert.deepEqual([candidate.status, forAnother.status, patched.status], [400, 403, 200]);
  assert.deepEqual(everywhere, [404, 404]);
  assert.equal((await theirs.ask('GET', '/allocations')).body['allocations']?.toString(), '');
  assert.equal(((await mine.ask('GET', '/allocations')).body['allocations'] as object[]).length, 2);
  assert.equal((await mine.ask('GET', `/allocations?owner=${theirs.id}`)).status, 403);
  assert.equal((await mine.ask('GET', `/nodes/${own}/allocation`)).status, 200);
  assert.equal((await mine.ask('GET', `/allocations?node=${own}`)).status, 200);
  assert.equal((await theirs.ask('GET', `/nodes/${own}/allocation`)).status, 404);
  assert.equal((await theirs.ask('GET', `/allocations?node=${own}`)).status, 404);
  assert.equal((await mine.ask('DELETE', '/allocations/m')).status, 204);
});

const refusals: readonly [what: string, body: object, status: number, message: RegExp][] = [
  ['without a resource class', {}, 400, /resource_class field is mandatory when not backfilling/],
  ['with a name that cannot stand in a URL', { resource_class: 'x', name: 'a b' }, 400, /invalid name 'a b'/],
  ['with a name like a UUID', { resource_class: 'x', name: nobody }, 400, /invalid name/],
  ['with a UUID that is none', { resource_class: 'x', uuid: 'x' }, 400, /Expected UUID for uuid: x/],
  ['with a trait that is none', { resource_class: 'x', traits: ['fast'] }, 400, /traits/],
  ['with an unknown candidate', { resource_class: 'x', candidate_nodes: ['gone'] }, 400, /Nodes cannot be found: gone/],
  ['for an unknown node', { node: 'gone' }, 400, /Node gone could not be found/],
  ['with an unknown field', { resource_class: 'x', color: 'red' }, 400, /color/],
];
for (const [what, body, status, message] of refusals) {
  test(`an allocation ${what} is refused`, async () => {
    const reply = await ask('POST', '/allocations', body);

    assert.equal(reply.status, status);
    assert.match(JSON.stringify(reply.body), message);
  });
}
