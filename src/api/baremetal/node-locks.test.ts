import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { nodeRequests, textOf } from '#test/node-requests.ts';
import { createPersonas, type PersonaName } from '#test/personas.ts';
import { openRackFixture } from '#test/rack-fixture.ts';

const fixture = await openRackFixture();
after(() => fixture.close());
const { ask, enrol } = nodeRequests(fixture);
const personas = await createPersonas(fixture);
const headersOf = (name: PersonaName) => personas.find((persona) => persona.name === name)!.headers;
const askAs = (name: PersonaName, method: 'GET' | 'POST' | 'DELETE', path: string, payload?: object) =>
  fixture.ask({ method, url: `/baremetal/v1/nodes/${path}`, headers: headersOf(name), ...(payload && { payload }) });

const aLock = { kind: 'power', reason: 'hands inside' };
const soon = () => new Date(Date.now() + 3_600_000).toISOString();

test('a lock is created, shown, listed in pages, and deleted', async () => {
  const { uuid, name } = await enrol();
  const expires_at = soon();
  const created = await ask('POST', `${name}/locks`, { ...aLock, expires_at });
  assert.equal(created.status, 201);
  const { id, owner, created_at, links, ...lock } = created.body;
  assert.deepEqual(lock, { node_uuid: uuid, ...aLock, expires_at });
  assert.deepEqual([owner.user_name, typeof created_at], ['admin', 'string']);
  assert.equal(created.headers['location'], links[0].href);
  assert.deepEqual((await ask('GET', `${uuid}/locks/${id}`)).body, created.body);
  for (const kind of ['deploy', 'all']) assert.equal((await ask('POST', `${uuid}/locks`, { ...aLock, kind })).status, 201);
  const first = (await ask('GET', `${uuid}/locks?limit=2`)).body;
  assert.deepEqual(
    first.locks.map((each: { kind: string }) => each.kind),
    ['power', 'deploy'],
  );
  const { pathname, search } = new URL(first.next);
  const rest = (await ask('GET', pathname + search)).body;
  assert.deepEqual([rest.locks.length, rest.locks[0].kind, rest.next], [1, 'all', undefined]);
  const shown = (await ask('GET', uuid)).body.driver_internal_info.locks;
  assert.deepEqual(shown[0], { id, ...aLock, owner: 'admin', expires_at });
  assert.equal((await ask('DELETE', `${uuid}/locks/${id}`)).status, 204);
  assert.equal((await ask('GET', `${uuid}/locks/${id}`)).status, 404);
});

test('a refused request names the lock, its owner and its reason', async () => {
  const { uuid, name } = await enrol();
  const { id } = (await ask('POST', `${uuid}/locks`, { kind: 'all', reason: 'RMA 4711' })).body;
  const requests = [
    ['PUT', `${uuid}/states/power`, { target: 'power on' }],
    ['PUT', `${uuid}/states/provision`, { target: 'manage' }],
    ['PATCH', uuid, [{ op: 'add', path: '/extra/a', value: 1 }]],
    ['PATCH', uuid, [{ op: 'replace', path: '/maintenance', value: true }]],
    ['PUT', `${uuid}/maintenance`, {}],
    ['PUT', `${uuid}/traits/CUSTOM_A`, undefined],
    ['POST', '/baremetal/v1/ports', { node_uuid: uuid, address: '52:54:00:11:22:33' }],
    ['POST', '/baremetal/v1/volume/connectors', { node_uuid: uuid, type: 'iqn', connector_id: 'a' }],
    ['PUT', `${uuid}/management/boot_device`, { boot_device: 'pxe' }],
    ['PUT', `${uuid}/states/console`, { enabled: true }],
    ['DELETE', uuid, undefined],
  ] as const;
  for (const [method, path, payload] of requests) {
    const { status, body } = await ask(method, path, payload);
    assert.equal(status, 409, `${method} ${path}: ${JSON.stringify(body)}`);
    assert.match(textOf(body), new RegExp(`^Node ${name} has a lock of admin \\(user .*\\): "RMA 4711" \\(all, ${id}\\)`));
  }
});

test('an expired lock is not there, and has no effect', async () => {
  const { uuid } = await enrol();
  const { id } = (await ask('POST', `${uuid}/locks`, { ...aLock, expires_at: soon() })).body;
  await fixture.store.node_locks.update({ id }, { expires_at: new Date(Date.now() - 1).toISOString() });
  assert.deepEqual((await ask('GET', `${uuid}/locks`)).body, { locks: [] });
  assert.equal((await ask('GET', `${uuid}/locks/${id}`)).status, 404);
  assert.equal((await ask('DELETE', `${uuid}/locks/${id}`)).status, 404);
  assert.equal((await ask('GET', uuid)).body.driver_internal_info.locks, undefined);
  assert.equal((await ask('PUT', `${uuid}/states/power`, { target: 'power on' })).status, 202);
  await fixture.quiet();
});

test('a lock is deleted by its owner or an administrator only', async () => {
  const { uuid } = await enrol();
  const lock = async () => (await askAs('member of the system', 'POST', `${uuid}/locks`, aLock)).body.id;
  const other = headersOf('manager of the system');
  const id = await lock();
  const refused = await fixture.ask({ method: 'DELETE', url: `/baremetal/v1/nodes/${uuid}/locks/${id}`, headers: other });
  assert.equal(refused.status, 403);
  assert.equal((await askAs('member of the system', 'DELETE', `${uuid}/locks/${id}`)).status, 204);
  assert.equal((await askAs('admin of the system', 'DELETE', `${uuid}/locks/${await lock()}`)).status, 204);
  assert.equal((await askAs('reader of the system', 'POST', `${uuid}/locks`, aLock)).status, 403);
  assert.equal((await askAs('reader of the system', 'GET', `${uuid}/locks`)).status, 200);
});

test('rejects what is no lock', async () => {
  const { uuid } = await enrol();
  const past = new Date(Date.now() - 1000).toISOString();
  for (const wrong of [
    {},
    { kind: 'power' },
    { kind: 'none', reason: 'a' },
    { ...aLock, reason: '' },
    { ...aLock, reason: '  ' },
    { ...aLock, reason: 'a\nb' },
    { ...aLock, reason: '\u001b[2J' },
    { ...aLock, reason: 'x'.repeat(256) },
    { ...aLock, expires_at: past },
    { ...aLock, expires_at: 'tomorrow' },
    { ...aLock, expires_at: '2099-01-01T00:00:00' },
    { ...aLock, expires_at: '+275760-01-01T00:00:00Z' },
    { ...aLock, user_id: 'another' },
  ])
    assert.equal((await ask('POST', `${uuid}/locks`, wrong)).status, 400, JSON.stringify(wrong));
  assert.equal((await ask('GET', `${uuid}/locks/${uuid}`)).status, 404);
  assert.equal((await ask('GET', `${uuid}/locks/x`)).status, 404);
  assert.equal((await ask('GET', `${uuid}/locks?marker=x`)).status, 400);
});
