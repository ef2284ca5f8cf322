import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ensureAdmin, ensureTokenKey } from '#services/identity/bootstrap.ts';
import { checkPassword, hashPassword } from '#services/identity/passwords.ts';
import { readSettings } from '#settings.ts';
import { aStore } from '#test/a-store.ts';
import { type ApiFixture, adminPassword, openApiFixture } from '#test/api-fixture.ts';

let fixture: ApiFixture;
before(async () => {
  fixture = await openApiFixture();
});
after(() => fixture.close());

const base = '/identity/v3';

async function make(collection: string, fields: object) {
  const noun = collection.slice(0, -1);
  const reply = await fixture.ask({ method: 'POST', url: `${base}/${collection}`, payload: { [noun]: fields } });
  assert.equal(reply.status, 201, JSON.stringify(reply.body));
  return reply.body[noun];
}

async function makeMember(name: string, role = 'member') {
  const project = await make('projects', { name: `${name}-project` });
  const user = await make('users', { name, password: 'secret', default_project_id: project.id });
  const path = `${base}/projects/${project.id}/users/${user.id}/roles/${role}`;
  assert.equal((await fixture.ask({ method: 'PUT', url: path })).status, 204);
  return { project, user, path };
}

const logInWith = (identity: object, scope?: unknown) =>
  fixture.app.inject({ method: 'POST', url: `${base}/auth/tokens`, payload: { auth: { identity, scope } } });
const byPassword = (user: object) => ({ methods: ['password'], password: { user } });

test('a password gives a token with catalogue, project and roles', async () => {
  const scope = { project: { name: 'admin', domain: { name: 'Default' } } };
  const reply = await logInWith(byPassword({ name: 'admin', domain: { id: 'default' }, password: adminPassword }), scope);
  const { token } = reply.json();

  assert.equal(reply.statusCode, 201);
  assert.equal(token.project.name, 'admin');
  assert.deepEqual(
    token.roles.map((role: { name: string }) => role.name),
    ['admin', 'manager', 'member', 'reader'],
  );
  assert.deepEqual(
    token.catalog.map((row: { type: string }) => row.type),
    ['identity', 'compute', 'image', 'network', 'baremetal'],
  );
  const headers = { 'x-subject-token': String(reply.headers['x-subject-token']) };
  assert.equal((await fixture.ask({ url: `${base}/auth/tokens`, headers })).body.token.user.name, 'admin');
  assert.equal((await fixture.ask({ method: 'HEAD', url: `${base}/auth/tokens`, headers })).status, 200);
});

test('replies alike to every kind of failed login', async () => {
  const wrong = [
    byPassword({ name: 'admin', password: 'guess', domain: { id: 'default' } }),
    byPassword({ name: 'nobody', password: 'guess', domain: { id: 'default' } }),
    byPassword({ name: 'admin', password: adminPassword, domain: { id: 'other' } }),
    { methods: ['token'], token: { id: 'abc.def' } },
    { methods: ['application_credential'], application_credential: { id: 'x', secret: 'y' } },
  ];
  const replies = await Promise.all(wrong.map((identity) => logInWith(identity)));

  assert.deepEqual(new Set(replies.map((reply) => reply.statusCode)), new Set([401]));
  assert.equal(new Set(replies.map((reply) => reply.body)).size, 1);
});

test('revocation, deletion of the user and a new password invalidate issued tokens', async () => {
  const { user } = await makeMember('ends');
  const works = async (token: string) =>
    (await fixture.ask({ url: `${base}/auth/projects`, headers: { 'x-auth-token': token } })).status;
  const revoked = await fixture.logIn('ends', 'secret');
  assert.equal(await works(revoked), 200);

  const headers = { 'x-auth-token': revoked, 'x-subject-token': revoked };
  assert.equal((await fixture.ask({ method: 'DELETE', url: `${base}/auth/tokens`, headers })).status, 204);
  const older = await fixture.logIn('ends', 'secret');
  const payload = { user: { original_password: 'secret', password: 'better' } };
  const changed = await fixture.ask({
    method: 'POST',
    url: `${base}/users/${user.id}/password`,
    headers: { 'x-auth-token': older },
    payload,
  });
  const newer = await fixture.logIn('ends', 'better');

  assert.equal(changed.status, 204);
  assert.deepEqual([await works(revoked), await works(older), await works(newer)], [401, 401, 200]);
  await fixture.ask({ method: 'DELETE', url: `${base}/users/${user.id}` });
  assert.equal(await works(newer), 401);
});

test('a user has access only where they have a role', async () => {
  const { project, user, path } = await makeMember('bounded');
  const token = await fixture.logIn('bounded', 'secret', 'bounded-project');
  const as = { 'x-auth-token': token };

  assert.equal(
    (await logInWith(byPassword({ id: user.id, password: 'secret' }), { project: { name: 'admin', domain: { id: 'default' } } }))
      .statusCode,
    401,
  );
  assert.deepEqual(
    (await fixture.ask({ url: `${base}/projects`, headers: as })).body.projects.map((item: { id: string }) => item.id),
    [project.id],
  );
  assert.equal((await fixture.ask({ url: `${base}/users`, headers: as })).status, 403);
  assert.equal(
    (await fixture.ask({ method: 'POST', url: `${base}/projects`, headers: as, payload: { project: { name: 'mine' } } })).status,
    403,
  );
  assert.equal((await fixture.ask({ url: '/network/v2.0/networks', headers: as })).status, 200);
  await fixture.ask({ method: 'DELETE', url: path });
  assert.equal((await fixture.ask({ url: '/network/v2.0/networks', headers: as })).status, 401);
});

test('an unscoped token gives access only to identity', async () => {
  await makeMember('loose');
  const reply = await logInWith(byPassword({ name: 'loose', domain: { id: 'default' }, password: 'secret' }), 'unscoped');
  const token = String(reply.headers['x-subject-token']);

  assert.equal(reply.json().token.project, undefined);
  assert.equal((await fixture.ask({ url: `${base}/auth/projects`, headers: { 'x-auth-token': token } })).body.projects.length, 1);
  assert.equal((await fixture.ask({ url: '/image/v2/images', headers: { 'x-auth-token': token } })).status, 401);

  const scope = { project: { name: 'loose-project', domain: { id: 'default' } } };
  const scoped = await logInWith({ methods: ['token'], token: { id: token } }, scope);
  assert.equal(scoped.json().token.project.name, 'loose-project');
  assert.equal(scoped.json().token.expires_at, reply.json().token.expires_at);
});

test('domains and application credentials are filtered and paged as users are', async () => {
  const domains = async (query: string) => (await fixture.ask({ url: `${base}/domains${query}` })).body;
  assert.equal((await domains('?name__icontains=FAULT&enabled=1')).domains[0].id, 'default');
  assert.deepEqual((await domains('?enabled=0')).domains, []);
  assert.equal((await domains('?marker=nowhere')).error.message, 'Marker nowhere could not be found.');

  const { user } = await makeMember('pager');
  const headers = { 'x-auth-token': await fixture.logIn('pager', 'secret') };
  const url = `${base}/users/${user.id}/application_credentials`;
  for (const name of ['b', 'c', 'a'])
    await fixture.ask({ method: 'POST', url, headers, payload: { application_credential: { name } } });
  const page = async (query: string) => {
    const { application_credentials: found, links } = (await fixture.ask({ url: `${url}${query}`, headers })).body;
    return { found, names: found.map(({ name }: { name: string }) => name), next: links.next };
  };
  const first = await page('?limit=2');
  assert.deepEqual(first.names, ['a', 'b']);
  assert.match(first.next, new RegExp(`marker=${first.found[1].id}`));
  assert.deepEqual((await page(`?limit=2&marker=${first.found[1].id}`)).names, ['c']);
  assert.deepEqual((await page('?sort_key=name&sort_dir=desc')).names, ['c', 'b', 'a']);
  assert.deepEqual((await page('?name=b')).names, ['b']);
});

test('an application credential has its own roles, creates no other, and is invalid once deleted', async () => {
  const { user } = await makeMember('robot-owner', 'admin');
  const as = { 'x-auth-token': await fixture.logIn('robot-owner', 'secret') };
  const url = `${base}/users/${user.id}/application_credentials`;
  const payload = { application_credential: { name: 'robot', roles: [{ name: 'reader' }] } };
  const { application_credential: credential } = (await fixture.ask({ method: 'POST', url, headers: as, payload })).body;
  const identity = {
    methods: ['application_credential'],
    application_credential: { id: credential.id, secret: credential.secret },
  };
  const login = await logInWith(identity);
  const robot = { 'x-auth-token': String(login.headers['x-subject-token']) };

  assert.deepEqual(
    login.json().token.roles.map((role: { name: string }) => role.name),
    ['reader'],
  );
  assert.equal((await fixture.ask({ url: `${base}/users`, headers: robot })).status, 403);
  assert.equal((await fixture.ask({ method: 'POST', url, headers: robot, payload })).status, 403);
  assert.equal((await fixture.ask({ url, headers: as })).body.application_credentials[0].secret, undefined);
  assert.equal((await fixture.ask({ url, headers: {} })).status, 403, 'not even administrators see those of others');
  await fixture.ask({ method: 'DELETE', url: `${url}/${credential.id}`, headers: as });
  assert.equal((await fixture.ask({ url: '/image/v2/images', headers: robot })).status, 401);
});

test('rejects the deletion of a project in use, duplicate names, and removal of the administrator', async () => {
  const { project } = await makeMember('used');
  const network = { network: { name: 'n', project_id: project.id } };
  await fixture.ask({ method: 'POST', url: '/network/v2.0/networks', payload: network });
  const users = (await fixture.ask({ url: `${base}/users?name=admin` })).body.users;

  const inUse = await fixture.ask({ method: 'DELETE', url: `${base}/projects/${project.id}` });
  const twice = await fixture.ask({ method: 'POST', url: `${base}/projects`, payload: { project: { name: 'used-project' } } });
  const admin = await fixture.ask({ method: 'DELETE', url: `${base}/users/${users[0].id}` });

  assert.deepEqual([inUse.status, twice.status, admin.status], [409, 409, 409]);
  assert.match(inUse.body.error.message, /still has 1 networks/);
});

test('a hash verifies only its password', async () => {
  const hash = await hashPassword('pässword');

  assert.ok(await checkPassword('pa\u0308ssword', hash), 'the same text in another Unicode form');
  assert.ok(!(await checkPassword('password', hash)));
  assert.ok(!(await checkPassword('', undefined)));
  assert.notEqual(hash, await hashPassword('pässword'));
});

test('generates the first password once, readable by its owner only, unless the settings set it', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'ingot-admin-'));
  const store = await aStore();
  const file = join(directory, 'admin-password');
  const read = () => readFile(file, 'utf8');
  const works = async (password: string) => checkPassword(password, (await store.users.find({ name: 'admin' }))?.password_hash);

  await ensureAdmin(store, readSettings({}), directory);
  const generated = (await read()).trim();
  await ensureAdmin(store, readSettings({}), directory);
  assert.equal((await read()).trim(), generated);
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  assert.ok(await works(generated));

  await ensureAdmin(store, readSettings({ flags: { 'admin.password': 'chosen' } }), directory);
  assert.ok(await works('chosen'));
  await rm(file);
  await ensureAdmin(store, readSettings({}), directory);
  assert.ok(await works((await read()).trim()), 'a removed file gives a new password');
  await ensureAdmin(store, readSettings({ flags: { 'admin.user': 'root' } }), directory);
  assert.deepEqual(
    (await store.users.list({ is_admin: true })).map((user) => user.name),
    ['root'],
  );
  assert.deepEqual(await ensureTokenKey(directory), await ensureTokenKey(directory));

  await store.close();
  await rm(directory, { recursive: true });
});
