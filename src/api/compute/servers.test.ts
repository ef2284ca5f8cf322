import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Fault } from '#domain/faults.ts';
import { allocatePort } from '#engine/servers/addresses.ts';
import { statusOf } from '#services/compute/server-status.ts';
import type { Node } from '#store/tables/nodes.ts';
import { aFlavor, anImage } from '#test/a-task.ts';
import { openRackFixture } from '#test/rack-fixture.ts';

const fixture = await openRackFixture();
after(() => fixture.close());
const { store, engine } = fixture;
const servers = '/compute/v2.1/servers';
const version = (minor: number) => ({ 'openstack-api-version': `compute 2.${minor}` });
await store.flavors.insert(aFlavor());
const image = await store.images.insert(anImage());
const request = { name: 'Web 1', imageRef: image.id, flavorRef: 'f1' };

async function aNode(): Promise<Node> {
  const properties = { cpus: 4, memory_mb: 4096, local_gb: 20 };
  return engine.createNode({ driver: 'fake-hardware', provision_state: 'available', properties });
}

function create(fields: object = {}, minor = 1, more: object = {}) {
  return fixture.ask({
    method: 'POST',
    url: servers,
    headers: version(minor),
    payload: { server: { ...request, ...fields }, ...more },
  });
}

async function show(id: string, minor = 1) {
  return (await fixture.ask({ url: `${servers}/${id}`, headers: version(minor) })).body.server;
}

async function aServer(fields: object = {}, minor = 1): Promise<string> {
  await aNode();
  const { body } = await create(fields, minor);
  await fixture.quiet();
  return body.server.id;
}

function act(id: string, action: object, minor = 1) {
  return fixture.ask({ method: 'POST', url: `${servers}/${id}/action`, headers: version(minor), payload: action });
}

test('builds a server and shows it during the build and afterwards', async () => {
  const goOn = fixture.hold();
  const node = await aNode();

  const created = await create({ metadata: { role: 'web' } });
  const building = await show(created.body.server.id);
  const data = { done_bytes: 45, total_bytes: 100 };
  store.events.append({ kind: 'agent', server_id: building.id, subject: 'progress', message: 'writing', data });
  await store.events.flush();
  const writing = await show(building.id);
  goOn();
  await fixture.quiet();
  const active = await show(created.body.server.id);

  assert.equal(created.status, 202);
  assert.match(String(created.headers['location']), new RegExp(`/servers/${created.body.server.id}$`));
  assert.equal(building.status, 'BUILD');
  assert.equal(building['OS-EXT-STS:task_state'], 'spawning');
  assert.deepEqual([building.progress, writing.progress, active.progress], [0, 45, 100]);
  assert.equal(active.status, 'ACTIVE');
  assert.equal(active['OS-EXT-STS:vm_state'], 'active');
  assert.equal(active['OS-EXT-STS:power_state'], 1);
  assert.equal(active['OS-EXT-SRV-ATTR:hypervisor_hostname'], node.uuid);
  assert.deepEqual(active.metadata, { role: 'web' });
  assert.equal(active.flavor.id, 'f1');
  assert.equal(active.image.id, image.id);
  assert.match(active.created, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
});

test('ends in ERROR with counted causes if no node fits', async () => {
  const { body } = await create({ name: 'too-many' });
  const server = await show(body.server.id);

  assert.equal(server.status, 'ERROR');
  assert.match(server.fault.message, /^No valid host was found\. .*in use/);
  assert.equal(server.fault.code, 500);
  await engine.deleteServer(body.server.id);
});

test('shows the step and the hint when a deployment fails', async () => {
  fixture.breakDeployments(new Fault('bmcUnreachable', { address: '192.0.2.7', attempts: 3, seconds: 9 }));
  const id = await aServer({ name: 'broken' });
  fixture.breakDeployments(undefined);

  const { fault, status } = await show(id);

  assert.equal(status, 'ERROR');
  assert.match(fault.message, /BMC at 192\.0\.2\.7 did not respond/);
  assert.match(fault.details, /Failed in step "Write the image"\. Check its network cable/);
  await engine.deleteServer(id);
});

test('embeds the flavor since 2.47, and adds fields with later microversions', async () => {
  const id = await aServer({ name: 'versions', description: 'a test', networks: 'none' }, 37);

  const [v1, v90] = [await show(id), await show(id, 90)];

  assert.deepEqual(v90.flavor, { vcpus: 4, ram: 4096, disk: 1, ephemeral: 0, swap: 0, original_name: 'metal', extra_specs: {} });
  assert.equal('locked' in v1 || 'description' in v1 || 'tags' in v1 || 'OS-EXT-SRV-ATTR:hostname' in v1, false);
  assert.equal(v90.description, 'a test');
  assert.equal(v90.locked, false);
  assert.equal(v90['OS-EXT-SRV-ATTR:hostname'], 'versions');
  assert.equal(v90.host_status, 'UP');
});

const refusals: [what: string, fields: object, minor: number, status: number, text: RegExp][] = [
  ['an unknown image', { imageRef: '00000000-0000-4000-8000-000000000000' }, 1, 400, /Can not find requested image/],
  ['no image', { imageRef: '' }, 1, 501, /without an image/],
  ['an unknown flavor', { flavorRef: 'none' }, 1, 400, /Flavor none could not be found/],
  ['an unknown key', { key_name: 'none' }, 1, 400, /Invalid key_name/],
  ['an unknown zone', { availability_zone: 'moon' }, 1, 400, /zone moon is not available/],
  ['an unknown node', { availability_zone: 'nova::none' }, 1, 400, /no such node/],
  ['an unknown network', { networks: [{ uuid: 'none' }] }, 1, 400, /Network none could not be found/],
  ['user data that is not base64', { user_data: '#!' }, 1, 400, /user_data: it must be base64/],
  ['an unknown field', { nonsense: 1 }, 1, 400, /nonsense/],
  ['an empty name', { name: '' }, 1, 400, /name/],
  ['more at least than at most', { min_count: 3, max_count: 2 }, 1, 400, /min_count must be <= max_count/],
  ['a volume', { block_device_mapping_v2: [{ source_type: 'volume', destination_type: 'volume' }] }, 1, 501, /volumes/],
  ['a security group', { security_groups: [{ name: 'web' }] }, 1, 400, /Security group web not found/],
  ['a password', { adminPass: 'x' }, 1, 501, /administrator password/],
  ['no networks since 2.37', {}, 37, 400, /'networks' is a required property/],
  ['networks none before 2.37', { networks: 'none' }, 36, 400, /2\.37/],
  ['a description before 2.19', { description: 'x' }, 18, 400, /2\.19/],
  ['injected files since 2.57', { networks: 'none', personality: [{ path: '/a', contents: '' }] }, 57, 400, /2\.56/],
];
for (const [what, fields, minor, status, text] of refusals) {
  test(`rejects ${what}`, async () => {
    const reply = await create(fields, minor);

    const [[name, error]] = Object.entries(reply.body) as [[string, { code: number; message: string }]];
    assert.equal(reply.status, status);
    assert.equal(name, status === 501 ? 'notImplemented' : 'badRequest');
    assert.equal(error.code, status);
    assert.match(error.message, text);
  });
}

test('uses the node named by the availability zone or a hint', async () => {
  const [first, second] = [await aNode(), await aNode()];

  const byZone = await create({ availability_zone: `nova::${second.uuid}` });
  const byHint = await create({}, 1, { 'os:scheduler_hints': { node: first.uuid } });

  assert.equal((await show(byZone.body.server.id))['OS-EXT-SRV-ATTR:hypervisor_hostname'], second.uuid);
  assert.equal((await show(byHint.body.server.id))['OS-EXT-SRV-ATTR:hypervisor_hostname'], first.uuid);
  await fixture.quiet();
});

test('creates several servers by one request', async () => {
  await Promise.all([aNode(), aNode()]);

  await create({ name: 'many', min_count: 2, max_count: 2 });
  await fixture.quiet();

  const listed = await fixture.ask({ url: `${servers}?name=%5Emany-` });
  assert.deepEqual(listed.body.servers.map(({ name }: { name: string }) => name).sort(), ['many-1', 'many-2']);
});

test('stops, starts and reboots a server, and rejects what the state forbids', async () => {
  const id = await aServer({ name: 'power' });
  const status = async () => (await show(id)).status;

  assert.equal((await act(id, { 'os-start': null })).status, 409);
  assert.equal((await act(id, { 'os-stop': null })).status, 202);
  await fixture.quiet();
  assert.equal(await status(), 'SHUTOFF');
  assert.equal((await act(id, { 'os-start': null })).status, 202);
  await fixture.quiet();
  assert.equal(await status(), 'ACTIVE');
  assert.equal((await act(id, { reboot: { type: 'HARD' } })).status, 202);
  await fixture.quiet();
  assert.equal((await act(id, { reboot: { type: 'GENTLE' } })).status, 400);
  assert.equal((await act(id, { reboot: { type: { toString: 1 } } })).status, 400);
});

const statuses: [vm_state: 'active' | 'stopped' | 'error' | 'building', task_state: string | null, status: string][] = [
  ['building', 'scheduling', 'BUILD'],
  ['active', null, 'ACTIVE'],
  ['active', 'powering-off', 'ACTIVE'],
  ['active', 'rebooting', 'REBOOT'],
  ['active', 'rebooting_hard', 'HARD_REBOOT'],
  ['active', 'rebuilding', 'REBUILD'],
  ['stopped', null, 'SHUTOFF'],
  ['error', 'rebuilding', 'REBUILD'],
  ['error', 'deleting', 'ERROR'],
];
for (const [vm_state, task_state, status] of statuses) {
  test(`${vm_state} with task ${task_state} is ${status}`, () => {
    assert.equal(statusOf({ vm_state, task_state }), status);
  });
}

test('answers unsupported actions with 501 and unknown ones with 400', async () => {
  const id = await aServer({ name: 'verbs' });

  const resize = await act(id, { resize: { flavorRef: '2' } });

  assert.equal(resize.status, 501);
  assert.match(resize.body.notImplemented.message, /The server action resize is not supported by Ingot yet/);
  assert.equal((await act(id, { dance: null })).status, 400);
  assert.equal((await act('none', { resize: null })).status, 404);
});

test('rebuilds with new name and metadata', async () => {
  const id = await aServer({ name: 'before' });

  const reply = await act(id, { rebuild: { imageRef: image.id, name: 'after', metadata: { a: 'b' } } });
  await fixture.quiet();

  assert.equal(reply.status, 202);
  assert.equal(reply.body.server.status, 'REBUILD');
  const { name, metadata, status } = await show(id);
  assert.deepEqual({ name, metadata, status }, { name: 'after', metadata: { a: 'b' }, status: 'ACTIVE' });
  assert.equal((await act(id, { rebuild: { imageRef: image.id, user_data: 'AAAA' } }, 56)).status, 400);
});

test('returns the last lines of the console', async () => {
  const id = await aServer({ name: 'console' });
  fixture.consoles.set((await show(id))['OS-EXT-SRV-ATTR:hypervisor_hostname'], 'one\ntwo\nthree');

  assert.deepEqual((await act(id, { 'os-getConsoleOutput': { length: 2 } })).body, { output: 'two\nthree' });
  assert.deepEqual((await act(id, { 'os-getConsoleOutput': {} })).body, { output: 'one\ntwo\nthree' });
});

test('changes name, description and metadata', async () => {
  const id = await aServer({ name: 'old' });
  const metadata = `${servers}/${id}/metadata`;

  await fixture.ask({
    method: 'PUT',
    url: `${servers}/${id}`,
    headers: version(19),
    payload: { server: { name: 'new', description: 'd' } },
  });
  await fixture.ask({ method: 'POST', url: metadata, payload: { metadata: { a: '1', b: '2' } } });
  await fixture.ask({ method: 'PUT', url: `${metadata}/a`, payload: { meta: { a: '3' } } });
  assert.equal((await fixture.ask({ method: 'DELETE', url: `${metadata}/b` })).status, 204);
  assert.equal((await fixture.ask({ method: 'DELETE', url: `${metadata}/b` })).status, 404);

  const server = await show(id, 19);
  assert.equal(server.name, 'new');
  assert.equal(server.description, 'd');
  assert.deepEqual(server.metadata, { a: '3' });
});

test('lists by name, status, node, time, order and page', async () => {
  const id = await aServer({ name: 'findme' });
  const node = (await show(id))['OS-EXT-SRV-ATTR:hypervisor_hostname'];
  const list = async (query: string, minor = 1) =>
    (await fixture.ask({ url: `${servers}?${query}`, headers: version(minor) })).body.servers;

  for (const query of ['name=indm', 'name=%5Efindme%24', 'name=fi.*me', `node=${node}`, `uuid=${id}`]) {
    assert.deepEqual(
      (await list(query)).map((server: { id: string }) => server.id),
      [id],
      query,
    );
  }
  assert.equal((await list('name=%5Eindme')).length, 0);
  assert.equal(
    (await list('status=ACTIVE')).some((server: { id: string }) => server.id === id),
    true,
  );
  assert.equal((await list('changes-since=2999-01-01T00:00:00Z')).length, 0);
  const names = (await list('sort_key=display_name&sort_dir=asc')).map(({ name }: { name: string }) => name);
  assert.deepEqual(names, [...names].sort());
  const [first, second] = await list('');
  assert.deepEqual(
    (await list(`limit=1&marker=${first.id}`)).map((server: { id: string }) => server.id),
    [second.id],
  );
  assert.equal((await list('hasOwnProperty=x&valueOf=x')).length, (await list('')).length);
  assert.equal((await fixture.ask({ url: `${servers}?status=NONSENSE`, headers: version(38) })).status, 400);
});

test("a user's port returns the machine's MAC, so that the machine can be used again", async () => {
  const network = {
    id: 'n1',
    name: 'n1',
    project_id: 'x',
    shared: false,
    mtu: 1500,
    admin_state_up: true,
    description: '',
    external: false,
  };
  await store.networks.insert({ ...network, created_at: '2026-01-01T00:00:00.000Z', updated_at: '2026-01-01T00:00:00.000Z' });
  const kept = await allocatePort(store, { network: (await store.networks.find({ id: 'n1' }))!, project_id: 'x' });
  const node = await aNode();
  const address = '52:54:00:aa:00:01';
  await engine.createNodePort({ node_uuid: node.uuid, address });
  const hints = { 'os:scheduler_hints': { node: node.uuid } };
  const first = await create({ networks: [{ port: kept.id }] }, 37, hints);
  await fixture.quiet();
  assert.equal((await store.ports.find({ id: kept.id }))?.mac_address, address);

  await fixture.ask({ method: 'DELETE', url: `${servers}/${first.body.server.id}` });
  await fixture.quiet();
  const second = await create({ networks: [{ uuid: 'n1' }] }, 37, hints);
  await fixture.quiet();

  assert.notEqual((await store.ports.find({ id: kept.id }))?.mac_address, address);
  assert.equal((await show(second.body.server.id)).status, 'ACTIVE');
});

test('deletes a server, which then does not exist', async () => {
  const id = await aServer({ name: 'gone' });

  assert.equal((await fixture.ask({ method: 'DELETE', url: `${servers}/${id}` })).status, 204);
  await fixture.quiet();

  const reply = await fixture.ask({ url: `${servers}/${id}` });
  assert.deepEqual(reply.body, { itemNotFound: { code: 404, message: `Instance ${id} could not be found.` } });
});

test('shows the actions on a server, step by step', async () => {
  const id = await aServer({ name: 'history' });
  await act(id, { 'os-stop': null });
  await fixture.quiet();

  const { instanceActions } = (await fixture.ask({ url: `${servers}/${id}/os-instance-actions` })).body;
  const url = `${servers}/${id}/os-instance-actions/${instanceActions[1].request_id}`;
  const { instanceAction } = (await fixture.ask({ url })).body;
  const feed = (await fixture.ask({ url: `${servers}/${id}/os-ingot-events` })).body;

  assert.deepEqual(
    instanceActions.map(({ action }: { action: string }) => action),
    ['stop', 'create'],
  );
  const write = instanceAction.events.find(({ event }: { event: string }) => event === 'write the image');
  assert.equal(write.result, 'Success');
  assert.equal(feed.events.at(-1).id, feed.last);
  assert.ok(feed.events.every((event: { server_id: string }) => event.server_id === id));
});

test('an action has all its steps, however many other events its operation has', async () => {
  const id = await aServer({ name: 'eventful' });
  await fixture.quiet();
  const url = `${servers}/${id}/os-instance-actions`;
  const [{ request_id }] = (await fixture.ask({ url })).body.instanceActions;
  const operation_id = request_id.slice('req-'.length);
  const { events: before } = (await fixture.ask({ url: `${url}/${request_id}` })).body.instanceAction;
  const of = { operation_id, server_id: id, message: '' };
  const recorded = await fixture.store.events.list({ server_id: id });
  const end = recorded.find(({ kind, data }) => kind === 'operation' && data['status'] === 'done');
  // As if it had not ended yet.
  await fixture.store.events.rows.remove({ id: end?.id ?? 0 });
  for (let count = 0; count < 1000; count += 1) fixture.store.events.append({ ...of, kind: 'tftp', subject: 'file' });
  for (const status of ['started', 'waiting', 'ended'])
    fixture.store.events.append({ ...of, kind: 'step', subject: 'last', data: { status } });

  fixture.store.events.append({ ...of, kind: 'operation', subject: 'deploy', data: { status: 'done' } });
  fixture.store.events.append({ ...of, kind: 'step', subject: 'late', data: { status: 'started' } });

  const { events } = (await fixture.ask({ url: `${url}/${request_id}` })).body.instanceAction;
  assert.equal(events.length, before.length + 1);
  assert.equal(events.at(-1).result, 'Success');
});

test('the database cuts the pages of the actions; a marker is an action of the same server', async () => {
  const [id, other] = [await aServer({ name: 'paged' }), await aServer({ name: 'elsewhere' })];
  await act(id, { 'os-stop': null });
  await fixture.quiet();
  const headers = { 'openstack-api-version': 'compute 2.66' };
  const actionsOf = async (server: string, query = '') =>
    (await fixture.ask({ url: `${servers}/${server}/os-instance-actions${query}`, headers })).body;
  const [stop, create] = (await actionsOf(id)).instanceActions;

  const first = await actionsOf(id, '?limit=1');
  assert.deepEqual(first.instanceActions, [stop]);
  assert.match(first.links[0].href, new RegExp(`limit=1&marker=${stop.request_id}$`));
  assert.deepEqual(await actionsOf(id, `?limit=1&marker=${stop.request_id}`), { instanceActions: [create] });
  const before = encodeURIComponent(create.updated_at);
  assert.deepEqual((await actionsOf(id, `?changes-before=${before}`)).instanceActions, [create]);
  assert.deepEqual((await actionsOf(id, '?changes-since=2999-01-01T00:00:00Z')).instanceActions, []);
  assert.match((await actionsOf(id, '?changes-since=soon')).badRequest.message, /^Invalid time soon/);
  for (const marker of [(await actionsOf(other)).instanceActions[0].request_id, stop.request_id.slice(4)])
    assert.equal((await actionsOf(id, `?marker=${marker}`)).badRequest.message, `Marker ${marker} could not be found.`);
});

test('waits for the next event, with a timeout', async () => {
  const id = await aServer({ name: 'waiting' });
  const feed = `${servers}/${id}/os-ingot-events`;
  const { last } = (await fixture.ask({ url: feed })).body;

  const waiting = fixture.ask({ url: `${feed}?after=${last}&wait=30` });
  store.events.append({ kind: 'note', server_id: id, subject: 'test', message: 'hello' });

  assert.deepEqual(
    (await waiting).body.events.map(({ message }: { message: string }) => message),
    ['hello'],
  );
  const nothing = await fixture.ask({ url: `${feed}?after=${last + 1000}&wait=0.05` });
  assert.deepEqual(nothing.body, { events: [], last: last + 1000 });
});

test('does not deliver an event to a user who lost the role while waiting', async () => {
  const id = await aServer({ name: 'watched' });
  const { user } = (
    await fixture.ask({ method: 'POST', url: '/identity/v3/users', payload: { user: { name: 'watcher', password: 'pw' } } })
  ).body;
  const { projects } = (await fixture.ask({ url: '/identity/v3/projects?name=admin' })).body;
  const role = `/identity/v3/projects/${projects[0].id}/users/${user.id}/roles/member`;
  await fixture.ask({ method: 'PUT', url: role });
  const headers = { 'x-auth-token': await fixture.logIn('watcher', 'pw', 'admin') };
  const feed = `${servers}/${id}/os-ingot-events`;
  const { last } = (await fixture.ask({ url: feed, headers })).body;

  // It was accepted earlier: a later request of the same user was answered.
  const waiting = fixture.ask({ url: `${feed}?after=${last}&wait=30`, headers });
  assert.equal((await fixture.ask({ url: feed, headers })).status, 200);
  assert.equal((await fixture.ask({ method: 'DELETE', url: role })).status, 204);
  store.events.append({ kind: 'note', server_id: id, subject: 'image', message: 'not for you' });

  const { status, body } = await waiting;
  assert.equal(status, 401);
  assert.doesNotMatch(JSON.stringify(body), /not for you/);
});

test('limits the waiting requests per user, and frees the slots afterwards', async () => {
  const id = await aServer({ name: 'popular' });
  const feed = `${servers}/${id}/os-ingot-events`;
  const { last } = (await fixture.ask({ url: feed })).body;

  const replies = Array.from({ length: 80 }, () => fixture.ask({ url: `${feed}?after=${last}&wait=60` }));
  const refused = await Promise.any(
    replies.map(async (reply) => ((await reply).status === 429 ? reply : Promise.reject(new Error()))),
  );
  store.events.append({ kind: 'note', server_id: id, subject: 'test', message: 'hello' });

  assert.match(refused.body.overLimit?.message ?? JSON.stringify(refused.body), /requests of this user wait for events/);
  const statuses = (await Promise.all(replies)).map(({ status }) => status);
  assert.equal(statuses.filter((status) => status === 429).length, 16);
  assert.equal((await fixture.ask({ url: `${feed}?after=${last}&wait=60` })).status, 200);
});
