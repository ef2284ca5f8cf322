/** HTTP basic authentication, which Metal3's operator and clients of a standalone Ironic use. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { aNode } from '#test/a-task.ts';
import { type ApiFixture, adminPassword, openApiFixture } from '#test/api-fixture.ts';
import { namedSecretIn } from './http/basic-authorization.ts';

const nodes = '/baremetal/v1/nodes';
let fixture: ApiFixture;
let count = 0;
let now = 0;
before(async () => {
  fixture = await openApiFixture({ clock: () => now });
});
after(() => fixture.close());

const basic = (name: string, secret: string) => `Basic ${Buffer.from(`${name}:${secret}`).toString('base64')}`;

async function get(authorization: string, url = nodes) {
  const reply = await fixture.app.inject({ url, headers: { authorization } });
  return { status: reply.statusCode, challenge: reply.headers['www-authenticate'], body: reply.json() };
}

async function send(method: 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, payload?: object) {
  const { status, body } = await fixture.ask({ method, url: `/identity/v3${path}`, ...(payload && { payload }) });
  assert.ok(status < 300, `${method} ${path}: ${status} ${JSON.stringify(body)}`);
  return body;
}

async function aMember() {
  const name = `user-${++count}`;
  const { project } = await send('POST', '/projects', { project: { name } });
  const { user } = await send('POST', '/users', { user: { name, password: 'se:cret', default_project_id: project.id } });
  await send('PUT', `/projects/${project.id}/users/${user.id}/roles/member`);
  return { name, user, project };
}

test('a name and a password do instead of a token, for bare metal alone', async () => {
  const admin = basic('admin', adminPassword);

  const found = await get(admin);
  const elsewhere = await get(admin, '/network/v2.0/networks');

  assert.deepEqual([found.status, found.body], [200, { nodes: [] }]);
  assert.deepEqual([elsewhere.status, elsewhere.challenge], [401, 'Keystone uri="/identity/v3"']);
});

test('the scope is the system if the user has a role there, else the default project', async () => {
  const { name, user, project } = await aMember();
  for (const lessee of [project.id, null]) {
    const { id: _, ...node } = aNode({ uuid: randomUUID(), name: null, lessee });
    await fixture.store.nodes.insert(node);
  }
  const before = await get(basic(name, 'se:cret'));
  await send('PUT', `/system/users/${user.id}/roles/reader`);
  // A role that is added does not end the tokens of another scope: the password is checked again after they have expired.
  await send('PATCH', `/users/${user.id}`, { user: { password: 'other' } });
  const afterwards = await get(basic(name, 'other'));

  assert.deepEqual([before.status, before.body.nodes.length], [200, 1]);
  assert.deepEqual([afterwards.status, afterwards.body.nodes.length], [200, 2]);
});

test('what revokes tokens ends what was known of a password at once', async () => {
  const { name, user } = await aMember();
  const old = basic(name, 'se:cret');
  assert.equal((await get(old)).status, 200);

  await send('PATCH', `/users/${user.id}`, { user: { enabled: false } });
  assert.equal((await get(old)).status, 401);
  await send('PATCH', `/users/${user.id}`, { user: { enabled: true } });
  assert.equal((await get(old)).status, 200);
  await send('PATCH', `/users/${user.id}`, { user: { password: 'new' } });

  const refused = await get(old);
  assert.deepEqual([refused.status, refused.challenge], [401, 'Basic realm="Baremetal API"']);
  assert.equal((await get(basic(name, 'new'))).status, 200);
});

test('a user without a role is let in as soon as there is one', async () => {
  const { name, user, project } = await aMember();
  await send('DELETE', `/projects/${project.id}/users/${user.id}/roles/member`);
  assert.equal((await get(basic(name, 'se:cret'))).status, 401);

  await send('PUT', `/system/users/${user.id}/roles/reader`);

  assert.equal((await get(basic(name, 'se:cret'))).status, 200);
});

test('an application credential logs in by its id, with its roles alone', async () => {
  const { user } = await fixture.ask({ url: '/identity/v3/auth/tokens' }).then(() => aMember());
  const token = await fixture.logIn(user.name, 'se:cret', user.name);
  const reply = await fixture.app.inject({
    ...{ method: 'POST', url: `/identity/v3/users/${user.id}/application_credentials`, headers: { 'x-auth-token': token } },
    payload: { application_credential: { name: 'metal3', roles: [{ name: 'reader' }] } },
  });
  const { id, secret } = reply.json().application_credential;

  const read = await get(basic(id, secret));
  const write = await fixture.app.inject({
    ...{ method: 'POST', url: nodes, headers: { authorization: basic(id, secret) }, payload: { driver: 'fake-hardware' } },
  });
  const removed = await fixture.app.inject({
    ...{ method: 'DELETE', url: `/identity/v3/users/${user.id}/application_credentials/${id}` },
    headers: { 'x-auth-token': token },
  });
  const gone = await get(basic(id, secret));

  assert.deepEqual([read.status, write.statusCode, removed.statusCode, gone.status], [200, 403, 204, 401]);
});

test('wrong passwords are counted with those of logins, and many requests with a right one are one login', async () => {
  const { name } = await aMember();
  const right = await Promise.all(Array.from({ length: 300 }, () => get(basic(name, 'se:cret'))));
  assert.ok(right.every(({ status }) => status === 200));

  now += 600_000;
  const guesses = await Promise.all(Array.from({ length: 40 }, (_, at) => get(basic(name, `guess ${at}`))));

  const statuses = guesses.map(({ status }) => status);
  assert.deepEqual([...new Set(statuses)].sort(), [401, 429]);
  assert.ok(statuses.filter((status) => status === 401).length <= 10, String(statuses));
});

test('what is no name and secret is refused, and a wrong token is not saved by a right password', async () => {
  const text = (value: string | Buffer) => `Basic ${Buffer.from(value).toString('base64')}`;
  const wrong = [
    ...['Basic', 'Basic ', 'Basic !!!!', 'Basic YWRtaW4', text('admin'), text(`:${adminPassword}`), text('')],
    ...[text(Buffer.from([0xff, 0x3a, 0x41])), text(`${'n'.repeat(256)}:x`), text(`admin:${'x'.repeat(4097)}`)],
    ...[`Bearer ${text(`admin:${adminPassword}`).slice(6)}`, text(`admin:${adminPassword}`).replace('Basic ', 'Basic x ')],
  ];
  for (const name of ['admin\0', 'ad\u001bmin', 'admin\n'])
    assert.equal(namedSecretIn(text(`${name}:${adminPassword}`)), undefined, JSON.stringify(name));
  for (const header of wrong) assert.equal((await get(header)).status, 401, header);
  const headers = { authorization: basic('admin', adminPassword), 'x-auth-token': 'nonsense' };
  assert.equal((await fixture.app.inject({ url: nodes, headers })).statusCode, 401);
});
