/** Tokens of every scope, and the roles on which they rest, over HTTP. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type ApiFixture, adminPassword, openApiFixture } from '#test/api-fixture.ts';

const base = '/identity/v3';
let fixture: ApiFixture;
let count = 0;
before(async () => {
  fixture = await openApiFixture();
});
after(() => fixture.close());

const ask = (method: 'GET' | 'PUT' | 'DELETE' | 'POST', url: string, token?: string) =>
  fixture.ask({
    method,
    url: url.startsWith('/') ? url : `${base}/${url}`,
    ...(token && { headers: { 'x-auth-token': token } }),
  });

async function create(noun: string, fields: object): Promise<{ id: string; name: string }> {
  const reply = await fixture.ask({ method: 'POST', url: `${base}/${noun}s`, payload: { [noun]: fields } });
  assert.equal(reply.status, 201, JSON.stringify(reply.body));
  return reply.body[noun];
}

const aUser = () => create('user', { name: `user-${++count}`, password: 'secret' });
const aProject = () => create('project', { name: `project-${++count}` });

async function logIn(user: { id: string }, scope: unknown, password = 'secret') {
  const identity = { methods: ['password'], password: { user: { id: user.id, password } } };
  const reply = await fixture.app.inject({ method: 'POST', url: `${base}/auth/tokens`, payload: { auth: { identity, scope } } });
  const token = String(reply.headers['x-subject-token']);
  return { status: reply.statusCode, token, body: reply.json().token, error: reply.json().error };
}

const system = { system: { all: true } };
const domain = { domain: { id: 'default' } };
const names = (roles: readonly { name: string }[]) => roles.map(({ name }) => name);

async function theAdmin() {
  const { body } = await fixture.ask({ url: `${base}/users?name=admin` });
  return body.users[0] as { id: string };
}

test('the configured administrator has its role on the system, the domain and every project', async () => {
  const admin = await theAdmin();
  const project = await aProject();

  const onSystem = await logIn(admin, system, adminPassword);
  const onDomain = await logIn(admin, domain, adminPassword);
  const onProject = await logIn(admin, { project: { id: project.id } }, adminPassword);

  const all = ['admin', 'manager', 'member', 'reader'];
  for (const { body } of [onSystem, onDomain, onProject]) assert.deepEqual(names(body.roles), all);
  assert.deepEqual(onSystem.body.system, { all: true });
  assert.deepEqual(onDomain.body.domain, { id: 'default', name: 'Default' });
  assert.equal(onProject.body.project.id, project.id);
  const { body } = await ask('GET', `role_assignments?user.id=${admin.id}`);
  const scopes = body.role_assignments.map(({ scope }: { scope: object }) => Object.keys(scope).join(' '));
  assert.deepEqual(scopes.sort(), ['domain', 'domain OS-INHERIT:inherited_to', 'project', 'system']);
});

test('a token has the fields and catalogue of its scope, and none of another scope', async () => {
  const user = await aUser();
  await ask('PUT', `system/users/${user.id}/roles/member`);
  await ask('PUT', `domains/default/users/${user.id}/roles/manager`);

  const onSystem = (await logIn(user, system)).body;
  const onDomain = (await logIn(user, domain)).body;
  const unscoped = (await logIn(user, 'unscoped')).body;

  const kinds = ['system', 'domain', 'project', 'is_domain', 'roles', 'catalog'];
  const shown = (token: object) => kinds.filter((kind) => kind in token);
  assert.deepEqual(shown(onSystem), ['system', 'roles', 'catalog']);
  assert.deepEqual(shown(onDomain), ['domain', 'roles', 'catalog']);
  assert.deepEqual(shown(unscoped), []);
  assert.deepEqual(names(onSystem.roles), ['member', 'reader']);
  assert.deepEqual(names(onDomain.roles), ['manager', 'member', 'reader']);
});

test('without a role in a scope, refuses a token without revealing whether the scope exists', async () => {
  const user = await aUser();
  const project = await aProject();
  const scopes = [system, domain, { domain: { id: 'other' } }, { project: { id: project.id } }, { project: { id: 'none' } }];

  const replies = await Promise.all([...scopes, { 'OS-TRUST:trust': { id: 'x' } }].map((scope) => logIn(user, scope)));

  assert.deepEqual(new Set(replies.map(({ status }) => status)), new Set([401]));
  assert.equal(new Set(replies.map(({ error }) => JSON.stringify(error))).size, 1);
});

test('requires exactly one complete scope', async () => {
  const user = await aUser();
  const wrong = [{}, { ...system, ...domain }, 'elsewhere', { project: { name: 'admin' } }, { domain: {} }];

  const replies = await Promise.all(wrong.map((scope) => logIn(user, scope)));

  assert.deepEqual(
    replies.map(({ status }) => status),
    wrong.map(() => 400),
  );
  assert.match(replies[0]?.error.message, /^Expecting to find system, project, domain, OS-TRUST:trust or unscoped in scope\./);
  assert.match(replies[3]?.error.message, /^Expecting to find domain in project\./);
});

test('lists, checks and revokes roles on the system, a domain and a project, with what depends on them', async () => {
  const user = await aUser();
  const project = await aProject();
  const places = [
    [`system/users/${user.id}/roles`, system],
    [`domains/default/users/${user.id}/roles`, domain],
    [`projects/${project.id}/users/${user.id}/roles`, { project: { id: project.id } }],
  ] as const;

  for (const [path, scope] of places) {
    assert.equal((await ask('PUT', `${path}/member`)).status, 204);
    assert.equal((await ask('PUT', `${path}/member`)).status, 204, 'assigning again changes nothing');
    const { token } = await logIn(user, scope);
    assert.deepEqual(names((await ask('GET', path)).body.roles), ['member']);
    assert.equal((await ask('GET', `${path}/member`)).status, 204);
    assert.equal((await ask('HEAD' as 'GET', `${path}/member`)).status, 204);
    assert.equal((await ask('GET', `${path}/reader`)).status, 404, 'implied is not assigned');
    assert.equal((await ask('GET', `${path}/king`)).status, 404);
    assert.equal((await ask('GET', 'auth/projects', token)).status, 200);
    assert.equal((await ask('DELETE', `${path}/member`)).status, 204);
    assert.equal((await ask('DELETE', `${path}/member`)).status, 404);
    assert.equal((await ask('GET', 'auth/projects', token)).status, 401);
    assert.equal((await logIn(user, scope)).status, 401);
    await ask('PUT', `${path}/member`);
    assert.equal((await ask('GET', 'auth/projects', token)).status, 401, 'a regained role revives no token');
    await ask('DELETE', `${path}/member`);
  }
  assert.equal((await ask('PUT', `system/users/nobody/roles/member`)).status, 404);
  assert.equal((await ask('PUT', `domains/other/users/${user.id}/roles/member`)).status, 404);
});

test('a user sees the scopes to which they have access', async () => {
  const user = await aUser();
  const { token } = await logIn(user, 'unscoped');
  const scopes = async () => {
    const [onSystem, domains, projects] = await Promise.all(
      ['system', 'domains', 'projects'].map((kind) => ask('GET', `auth/${kind}`, token)),
    );
    return [onSystem?.body.system.length, domains?.body.domains.length, projects?.body.projects.length];
  };
  assert.deepEqual(await scopes(), [0, 0, 0]);

  const project = await aProject();
  await ask('PUT', `system/users/${user.id}/roles/reader`);
  assert.deepEqual(await scopes(), [1, 0, 0]);
  await ask('PUT', `domains/default/users/${user.id}/roles/reader`);
  assert.deepEqual(await scopes(), [1, 1, 0], 'a role on a domain is none on its projects');
  await ask('PUT', `projects/${project.id}/users/${user.id}/roles/reader`);
  assert.deepEqual(await scopes(), [1, 1, 1]);
});

test('system and domain tokens give access to identity, system tokens also to bare metal; other services reject them', async () => {
  const admin = await theAdmin();
  const [onSystem, onDomain] = [await logIn(admin, system, adminPassword), await logIn(admin, domain, adminPassword)];
  const urls = ['/compute/v2.1/servers', '/network/v2.0/networks', '/image/v2/images', '/baremetal/v1/nodes', `${base}/users`];
  const statuses = (token: string) => Promise.all(urls.map(async (url) => (await ask('GET', url, token)).status));

  assert.deepEqual(await statuses(onSystem.token), [403, 403, 403, 200, 200]);
  assert.deepEqual(await statuses(onDomain.token), [403, 403, 403, 403, 200]);
  assert.deepEqual(await statuses((await logIn(admin, 'unscoped', adminPassword)).token), [401, 401, 401, 401, 403]);
});

test('a reader of the system reads all of identity and changes nothing', async () => {
  const user = await aUser();
  const other = await aUser();
  await ask('PUT', `system/users/${user.id}/roles/reader`);
  const { token } = await logIn(user, system);
  const reads = [
    'users',
    `users/${other.id}`,
    'projects',
    'role_assignments',
    'role_inferences',
    `system/users/${other.id}/roles`,
  ];

  for (const path of reads) assert.equal((await ask('GET', path, token)).status, 200, path);
  for (const path of [`users/${other.id}`, `system/users/${other.id}/roles/reader`])
    assert.equal((await ask('DELETE', path, token)).status, 403, path);
  assert.equal((await ask('PUT', `system/users/${user.id}/roles/admin`, token)).status, 403);
});

test('filters that no effective assignment passes are refused; a system other than all is no filter', async () => {
  const ask = async (query: string) => (await fixture.ask({ url: `/identity/v3/role_assignments?${query}` })).body;
  const inherited = 'scope.domain.id=default&scope.OS-INHERIT:inherited_to=projects';

  assert.match((await ask('effective&group.id=g')).error.message, /effective and group filter will always/);
  assert.match((await ask(`effective&${inherited}`)).error.message, /effective, domain and inherited filters will always/);
  assert.ok(Array.isArray((await ask(inherited)).role_assignments));
  const [all, ignored, system] = [await ask(''), await ask('scope.system=none'), await ask('scope.system=all')];
  assert.deepEqual(ignored.role_assignments, all.role_assignments);
  assert.ok(system.role_assignments.length < all.role_assignments.length);
});

test('an effective list includes implied and inherited roles, with names on request', async () => {
  const user = await aUser();
  const project = await aProject();
  await ask('PUT', `projects/${project.id}/users/${user.id}/roles/manager`);
  const list = async (query: string) => (await ask('GET', `role_assignments?${query}`)).body.role_assignments;
  const admin = await theAdmin();

  const [stored] = await list(`user.id=${user.id}&include_names`);
  const effective = await list(`user.id=${user.id}&effective`);
  const inherited = await list(`user.id=${admin.id}&effective&role.id=admin&scope.project.id=${project.id}`);

  const home = { id: 'default', name: 'Default' };
  assert.deepEqual(stored.user, { id: user.id, name: user.name, domain: home });
  assert.deepEqual(stored.scope, { project: { id: project.id, name: project.name, domain: home } });
  assert.deepEqual(stored.role, { id: 'manager', name: 'manager' });
  assert.match(stored.links.assignment, new RegExp(`/v3/projects/${project.id}/users/${user.id}/roles/manager$`));
  assert.deepEqual(
    effective.map(({ role }: { role: { id: string } }) => role.id),
    ['manager', 'member', 'reader'],
  );
  assert.ok(effective[1].links.prior_role && !effective[0].links.prior_role);
  assert.deepEqual(inherited[0].scope, { project: { id: project.id }, 'OS-INHERIT:inherited_to': 'projects' });
  assert.match(inherited[0].links.assignment, /OS-INHERIT\/domains\/default\/.*\/inherited_to_projects$/);
  assert.equal((await list(`scope.system=all&user.id=${user.id}`)).length, 0);
  assert.equal((await list(`scope.domain.id=default&user.id=${admin.id}`)).length, 2);
  for (const query of ['scope.system=all&scope.domain.id=default', 'user.id=a&group.id=b', 'include_subtree'])
    assert.equal((await ask('GET', `role_assignments?${query}`)).status, 400, query);
});

test('the roles of the configured administrator on system and domain cannot be revoked', async () => {
  const admin = await theAdmin();

  assert.equal((await ask('DELETE', `system/users/${admin.id}/roles/admin`)).status, 409);
  assert.equal((await ask('DELETE', `domains/default/users/${admin.id}/roles/admin`)).status, 409);
});

test('admin implies manager, member and reader, in this order', async () => {
  const { role_inferences } = (await ask('GET', 'role_inferences')).body;
  const pairs = role_inferences.map((rule: { prior_role: { id: string }; implies: { id: string }[] }) => [
    rule.prior_role.id,
    ...rule.implies.map(({ id }) => id),
  ]);
  assert.deepEqual(pairs, [
    ['admin', 'manager'],
    ['manager', 'member'],
    ['member', 'reader'],
  ]);
  assert.deepEqual((await ask('GET', 'roles/manager/implies')).body.role_inference.implies[0].id, 'member');
  assert.equal((await ask('GET', 'roles/manager/implies/member')).status, 200);
  assert.equal((await ask('GET', 'roles/member/implies/manager')).status, 404);
});

test('an application credential is limited to its project, and its login takes no scope', async () => {
  const user = await aUser();
  const project = await aProject();
  await ask('PUT', `projects/${project.id}/users/${user.id}/roles/member`);
  await ask('PUT', `system/users/${user.id}/roles/admin`);
  const { token } = await logIn(user, { project: { id: project.id } });
  const payload = { application_credential: { name: 'robot' } };
  const url = `${base}/users/${user.id}/application_credentials`;
  const made = await fixture.ask({ method: 'POST', url, headers: { 'x-auth-token': token }, payload });
  const { id, secret } = made.body.application_credential;
  const identity = { methods: ['application_credential'], application_credential: { id, secret } };
  const asRobot = (scope?: object) =>
    fixture.app.inject({ method: 'POST', url: `${base}/auth/tokens`, payload: { auth: { identity, scope } } });

  const robot = await asRobot();
  assert.deepEqual(names(robot.json().token.roles), ['member', 'reader']);
  assert.equal(robot.json().token.project.id, project.id);
  const refused = await asRobot(system);
  assert.equal(refused.statusCode, 401);
  assert.deepEqual(refused.json().error.identity, {});
  const exchanged = await fixture.app.inject({
    method: 'POST',
    url: `${base}/auth/tokens`,
    payload: {
      auth: { identity: { methods: ['token'], token: { id: String(robot.headers['x-subject-token']) } }, scope: system },
    },
  });
  assert.equal(exchanged.statusCode, 403);
  const onSystem = (await logIn(user, system)).token;
  const made2 = await fixture.ask({ method: 'POST', url, headers: { 'x-auth-token': onSystem }, payload });
  assert.equal(made2.status, 403, 'a credential needs a project');
});

test('an unknown method is rejected with the known ones', async () => {
  const identity = { methods: ['mapped'], mapped: {} };
  const reply = await fixture.app.inject({ method: 'POST', url: `${base}/auth/tokens`, payload: { auth: { identity } } });

  assert.equal(reply.statusCode, 401);
  assert.deepEqual(reply.json().error.identity, { methods: ['password', 'token', 'application_credential', 'totp'] });
  const missing = await fixture.app.inject({
    ...{ method: 'POST', url: `${base}/auth/tokens` },
    payload: { auth: { identity: { methods: ['password'] } } },
  });
  assert.match(missing.json().error.message, /^Expecting to find password in identity\./);
});
