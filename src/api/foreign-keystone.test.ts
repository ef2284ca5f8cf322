/** All APIs with the tokens of another Keystone: here of another Ingot; test/keystone/ has Debian's. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type ApiFixture, adminPassword, openApiFixture } from '#test/api-fixture.ts';

let keystone: ApiFixture;
let url: string;
let settings: Readonly<Record<string, string>>;
before(async () => {
  keystone = await openApiFixture();
  ({ url } = await keystone.listen());
  settings = {
    ...{ 'keystone.auth_url': `${url}/identity`, 'keystone.username': 'admin', 'keystone.password': adminPassword },
    ...{ 'keystone.project_name': 'admin', 'keystone.token_cache_time': '0' },
  };
});
after(() => keystone.close());

const byPassword = (name: string, password: string) => ({
  methods: ['password'],
  password: { user: { name, domain: { id: 'default' }, password } },
});

async function tokenFor(name: string, password: string, scope: object | 'unscoped'): Promise<string> {
  const payload = { auth: { identity: byPassword(name, password), scope } };
  const reply = await keystone.app.inject({ method: 'POST', url: '/identity/v3/auth/tokens', payload });
  assert.equal(reply.statusCode, 201, reply.body);
  return String(reply.headers['x-subject-token']);
}

async function make(collection: string, fields: object): Promise<{ id: string }> {
  const noun = collection.slice(0, -1);
  const { status, body } = await keystone.ask({ method: 'POST', url: `/identity/v3/${collection}`, payload: { [noun]: fields } });
  assert.equal(status, 201, JSON.stringify(body));
  return body[noun];
}

/** A user with one role in a project of their own, and their token. */
async function makeUser(name: string, role: string) {
  const project = await make('projects', { name: `of-${name}` });
  const user = await make('users', { name, password: 'secret' });
  const grant = `/identity/v3/projects/${project.id}/users/${user.id}/roles/${role}`;
  assert.equal((await keystone.ask({ method: 'PUT', url: grant })).status, 204);
  return { project: project.id, user: user.id, token: await tokenFor(name, 'secret', { project: { id: project.id } }) };
}

async function ingotWith(t: { after: (end: () => Promise<void>) => void }, more: Readonly<Record<string, string>> = {}) {
  const ingot = await openApiFixture({ settings: { ...settings, ...more } });
  t.after(() => ingot.close());
  const ask = (path: string, token: string, payload?: object) =>
    ingot.app.inject({
      ...{ method: payload ? 'POST' : 'GET', url: path, headers: { 'x-auth-token': token } },
      ...(payload && { payload }),
    });
  return { ingot, ask };
}

test('tokens of another Keystone have their project and roles in each API', async (t) => {
  const { ask } = await ingotWith(t);
  const [member, reader] = [await makeUser('ann', 'member'), await makeUser('bob', 'reader')];

  const made = await ask('/network/v2.0/security-groups', member.token, { security_group: { name: 'web' } });
  assert.equal(made.statusCode, 201, made.body);
  assert.equal(made.json().security_group.project_id, member.project);
  assert.equal((await ask('/network/v2.0/security-groups', reader.token, { security_group: { name: 'web' } })).statusCode, 403);
  const seen = (await ask('/network/v2.0/security-groups?name=web', reader.token)).json();
  assert.deepEqual(seen.security_groups, []);
  assert.equal((await ask('/compute/v2.1/servers', member.token)).statusCode, 200);
  assert.equal((await ask('/image/v2/images', member.token)).statusCode, 200);
  assert.equal((await ask('/baremetal/v1/nodes', member.token)).statusCode, 200);
});

test('tokens for the system and for a domain have that scope', async (t) => {
  const { ask } = await ingotWith(t);
  const system = await tokenFor('admin', adminPassword, { system: { all: true } });
  const domain = await tokenFor('admin', adminPassword, { domain: { id: 'default' } });

  assert.equal((await ask('/baremetal/v1/chassis', system, { description: 'rack 1' })).statusCode, 201);
  assert.equal((await ask('/baremetal/v1/chassis', domain, { description: 'rack 2' })).statusCode, 403);
});

test('a request without a valid token names that Keystone, and Ingot has no identity service', async (t) => {
  const { ingot, ask } = await ingotWith(t, { 'keystone.www_authenticate_uri': 'https://keystone.example/v3' });
  const own = 'eyJ1c2VyX2lkIjoiYWRtaW4ifQ.c2lnbmF0dXJl';

  for (const reply of [
    await ingot.app.inject({ url: '/baremetal/v1/nodes' }),
    await ingot.app.inject({ url: '/baremetal/v1/nodes', headers: { authorization: 'Basic YWRtaW46cHc=' } }),
    await ask('/compute/v2.1/servers', own),
    await ask('/compute/v2.1/servers', 'a b'),
    await ask('/compute/v2.1/servers', 'x'.repeat(8000)),
  ]) {
    assert.equal(reply.statusCode, 401);
    assert.match(String(reply.headers['www-authenticate']), /^(Keystone uri="https:\/\/keystone.example\/v3"|Basic)/);
  }
  assert.equal((await ingot.app.inject({ method: 'POST', url: '/identity/v3/auth/tokens', payload: {} })).statusCode, 404);
  assert.equal((await ingot.app.inject({ url: '/identity/v3' })).statusCode, 404);
  const [identity] = (await ingot.app.inject({ url: '/' })).json().services;
  assert.equal(identity.links[0].href, `${url}/identity`);
});

test('a revoked token is refused at once, or when what is kept of it is too old', async (t) => {
  const [plain, keeping] = [await ingotWith(t), await ingotWith(t, { 'keystone.token_cache_time': '300' })];
  const { token } = await makeUser('cleo', 'member');
  const statuses = async () => [
    (await plain.ask('/image/v2/images', token)).statusCode,
    (await keeping.ask('/image/v2/images', token)).statusCode,
  ];

  assert.deepEqual(await statuses(), [200, 200]);
  const headers = { 'x-subject-token': token };
  assert.equal((await keystone.ask({ method: 'DELETE', url: '/identity/v3/auth/tokens', headers })).status, 204);
  assert.deepEqual(await statuses(), [401, 200]);
});

test('an unscoped token does not do', async (t) => {
  const { ask } = await ingotWith(t);
  await make('users', { name: 'dora', password: 'secret' });

  const token = await tokenFor('dora', 'secret', 'unscoped');

  assert.equal((await ask('/image/v2/images', token)).statusCode, 401);
});

test('the access rules of an application credential of that Keystone are checked', async (t) => {
  const { ask } = await ingotWith(t);
  const { user, token } = await makeUser('eve', 'member');
  const made = await keystone.app.inject({
    ...{ method: 'POST', url: `/identity/v3/users/${user}/application_credentials`, headers: { 'x-auth-token': token } },
    payload: {
      application_credential: { name: 'c', access_rules: [{ service: 'image', method: 'GET', path: '/v2/images' }] },
    },
  });
  assert.equal(made.statusCode, 201, made.body);
  const { id, secret } = made.json().application_credential;
  const identity = { methods: ['application_credential'], application_credential: { id, secret } };
  const login = await keystone.app.inject({ method: 'POST', url: '/identity/v3/auth/tokens', payload: { auth: { identity } } });
  const limited = String(login.headers['x-subject-token']);

  assert.equal((await ask('/image/v2/images', limited)).statusCode, 200);
  assert.equal((await ask('/image/v2/tasks', limited)).statusCode, 401);
  assert.equal((await ask('/image/v2/images', limited, { name: 'x' })).statusCode, 401);
  assert.equal((await ask('/baremetal/v1/nodes', limited)).statusCode, 401);
});
