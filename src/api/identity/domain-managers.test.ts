/** What Keystone's rules add to administrators: managers and readers of a domain. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type ApiFixture, openApiFixture } from '#test/api-fixture.ts';
import { createPersonas, type Persona } from '#test/personas.ts';

const base = '/identity/v3';
let fixture: ApiFixture;
let personas: ReadonlyMap<string, Persona>;
before(async () => {
  fixture = await openApiFixture();
  personas = new Map((await createPersonas(fixture)).map((persona) => [persona.name, persona]));
});
after(() => fixture.close());

const persona = (name: string) => personas.get(name) as Persona;
const ask = (as: string, method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, payload?: object) =>
  fixture.ask({ method, url: `${base}/${path}`, headers: persona(as).headers, ...(payload && { payload }) });

const manager = 'manager of the domain';

test('a manager of a domain manages its users, projects and roles', async () => {
  const made = await ask(manager, 'POST', 'users', { user: { name: 'new', password: 'secret' } });
  const project = await ask(manager, 'POST', 'projects', { project: { name: 'new' } });
  const [user_id, project_id] = [made.body.user.id, project.body.project.id];

  assert.deepEqual([made.status, made.body.user.domain_id, project.status], [201, 'default', 201]);
  for (const place of [`projects/${project_id}`, 'domains/default']) {
    for (const role of ['reader', 'member', 'manager']) {
      const path = `${place}/users/${user_id}/roles/${role}`;
      assert.equal((await ask(manager, 'PUT', path)).status, 204, path);
      assert.equal((await ask(manager, 'DELETE', path)).status, 204, path);
    }
    assert.equal((await ask(manager, 'PUT', `${place}/users/${user_id}/roles/admin`)).status, 403, 'no administrators');
  }
  assert.equal((await ask(manager, 'PATCH', `users/${user_id}`, { user: { description: 'd' } })).status, 200);
  assert.equal((await ask(manager, 'DELETE', `users/${user_id}`)).status, 204);
  assert.equal((await ask(manager, 'DELETE', `projects/${project_id}`)).status, 204);
});

test('a manager of a domain cannot become an administrator, by a role or by resetting a password', async () => {
  const { user_id } = persona('admin of the project');
  const { body } = await fixture.ask({ url: `${base}/users?name=admin` });

  for (const id of [user_id, body.users[0].id]) {
    assert.equal((await ask(manager, 'PATCH', `users/${id}`, { user: { password: 'mine' } })).status, 403);
    assert.equal((await ask(manager, 'DELETE', `users/${id}`)).status, 403);
  }
  assert.equal((await ask(manager, 'PUT', `system/users/${persona(manager).user_id}/roles/reader`)).status, 403);
});

test('a manager of a domain cannot act for a service or in the system by resetting a password', async () => {
  for (const name of ['service of the project', 'service of the system', 'reader of the system']) {
    const { user_id } = persona(name);
    const changed = await ask(manager, 'PATCH', `users/${user_id}`, { user: { password: 'mine' } });
    assert.equal(changed.status, 403, name);
    assert.equal((await ask(manager, 'DELETE', `users/${user_id}`)).status, 403, name);
  }
});

/** A domain, a user of the default one, and a group there with this user; role of either in the new domain. */
async function acrossDomains(name: string, actor: 'user' | 'group', role: string) {
  const send = async (method: 'POST' | 'PUT', path: string, payload?: object) => {
    const reply = await fixture.ask({ method, url: `${base}/${path}`, ...(payload && { payload }) });
    assert.ok(reply.status < 300, JSON.stringify(reply.body));
    return reply.body;
  };
  const { domain } = await send('POST', 'domains', { domain: { name } });
  const { project } = await send('POST', 'projects', { project: { name, domain_id: domain.id } });
  const { user } = await send('POST', 'users', { user: { name, password: 'theirs' } });
  const { group } = await send('POST', 'groups', { group: { name } });
  await send('PUT', `groups/${group.id}/users/${user.id}`);
  const place = role === 'manager' ? `domains/${domain.id}` : `projects/${project.id}`;
  await send('PUT', `${place}/${actor}s/${(actor === 'user' ? user : group).id}/roles/${role}`);
  return { user: user.id, group: group.id };
}

for (const [actor, role] of [
  ['user', 'manager'],
  ['user', 'reader'],
  ['group', 'manager'],
  ['group', 'reader'],
] as const)
  test(`a manager of a domain gets no rights in another one by a ${actor} that is ${role} there`, async () => {
    const { user, group } = await acrossDomains(`${actor} ${role}`, actor, role);
    const own = persona(manager).user_id;

    assert.equal((await ask(manager, 'PATCH', `users/${user}`, { user: { password: 'mine' } })).status, 403);
    assert.equal((await ask(manager, 'DELETE', `users/${user}`)).status, 403);
    assert.equal((await ask(manager, 'DELETE', `groups/${group}/users/${user}`)).status, 403, 'their tokens stay valid');
    const added = await ask(manager, 'PUT', `groups/${group}/users/${own}`);
    assert.equal(added.status, actor === 'group' ? 403 : 204);
  });

test('a manager of a domain resets no password of users with roles that managers cannot assign', async () => {
  const made = await fixture.ask({ method: 'POST', url: `${base}/roles`, payload: { role: { name: 'operator' } } });
  const { body } = await ask(manager, 'POST', 'users', { user: { name: 'operator' } });
  const path = `users/${body.user.id}`;
  await fixture.ask({ method: 'PUT', url: `${base}/domains/default/${path}/roles/${made.body.role.id}` });

  assert.equal((await ask(manager, 'PATCH', path, { user: { password: 'mine' } })).status, 403);
});

test('a manager of a domain neither changes groups with wider rights nor makes the tokens of administrators void', async () => {
  const admin = { url: `${base}/users?name=admin` };
  const [{ id }] = (await fixture.ask(admin)).body.users;
  const { body } = await fixture.ask({ method: 'POST', url: `${base}/groups`, payload: { group: { name: 'admins' } } });
  const wide = `groups/${body.group.id}`;
  await fixture.ask({ method: 'PUT', url: `${base}/system/${wide}/roles/admin` });
  const own = `groups/${(await ask(manager, 'POST', 'groups', { group: { name: 'own' } })).body.group.id}`;

  assert.equal((await ask(manager, 'PATCH', wide, { group: { name: 'x' } })).status, 403);
  assert.equal((await ask(manager, 'DELETE', wide)).status, 403);
  assert.equal((await ask(manager, 'PUT', `${own}/users/${id}`)).status, 403);
  assert.equal((await ask(manager, 'DELETE', `${own}/users/${id}`)).status, 403);
  const inherited = `OS-INHERIT/domains/default/users/${id}/roles/reader/inherited_to_projects`;
  assert.equal((await ask(manager, 'PUT', inherited)).status, 403);
  assert.equal((await fixture.ask(admin)).status, 200);
});

test("a manager of a domain makes no project whose service is the cloud's", async () => {
  const own = await ask(manager, 'POST', 'projects', { project: { name: 'own' } });
  const { project_id } = persona('service of the project');
  const spaced = await ask(manager, 'POST', 'projects', { project: { name: ' service ' } });
  assert.equal(spaced.status, 403);
  const rename = (as: string, name: string) => ask(as, 'PATCH', `projects/${project_id}`, { project: { name } });

  assert.equal((await ask(manager, 'POST', 'projects', { project: { name: 'service' } })).status, 403);
  assert.equal((await rename(manager, 'service')).status, 403);
  assert.equal((await rename('admin of the system', 'service')).status, 200);
  assert.equal((await rename(manager, 'other')).status, 403);
  assert.equal((await ask(manager, 'DELETE', `projects/${project_id}`)).status, 403);
  assert.equal((await ask(manager, 'PATCH', `projects/${own.body.project.id}`, { project: { name: 'mine' } })).status, 200);
  assert.equal((await rename('admin of the system', 'project-own')).status, 200);
});

test('a manager of a project manages nothing of its domain', async () => {
  const as = 'manager of the project';

  assert.equal((await ask(as, 'POST', 'users', { user: { name: 'other' } })).status, 403);
  assert.equal((await ask(as, 'POST', 'projects', { project: { name: 'other' } })).status, 403);
  const { project_id, user_id } = persona(as);
  assert.equal((await ask(as, 'PUT', `projects/${project_id}/users/${user_id}/roles/manager`)).status, 403);
});

test('a reader of a domain sees its users, projects and role assignments, but nothing of the system', async () => {
  const as = 'reader of the domain';
  const { project_id, user_id } = persona('member of the project');
  const reads = [
    'users',
    `users/${user_id}`,
    'projects',
    `projects/${project_id}`,
    `projects/${project_id}/users/${user_id}/roles`,
  ];

  for (const path of reads) assert.equal((await ask(as, 'GET', path)).status, 200, path);
  const { body } = await ask(as, 'GET', 'role_assignments');
  const scopes = body.role_assignments.map(({ scope }: { scope: object }) => Object.keys(scope)[0]);
  assert.deepEqual(new Set(scopes), new Set(['domain', 'project']));
  assert.equal((await ask(as, 'GET', 'role_inferences')).status, 403);
  assert.equal((await ask(as, 'PATCH', `users/${user_id}`, { user: { description: 'd' } })).status, 403);
});

test("errors have Keystone's texts", async () => {
  const texts: [string, 'GET' | 'POST' | 'PATCH', string, object | undefined, number, RegExp][] = [
    [
      'member of the project',
      'GET',
      'users',
      undefined,
      403,
      /^You are not authorized to perform the requested action: identity:list_users\.$/,
    ],
    ['admin of the system', 'GET', 'users/none', undefined, 404, /^Could not find user: none\.$/],
    ['admin of the system', 'GET', 'roles/none', undefined, 404, /^Could not find role: none\.$/],
    [
      'admin of the system',
      'POST',
      'projects',
      { project: { name: 'project-own' } },
      409,
      /^Conflict occurred attempting to store project - /,
    ],
    ['admin of the system', 'POST', 'users', { user: { name: 'x' }, other: 1 }, 400, /other: it is not known/],
    ['admin of the system', 'POST', 'policies', { policy: {} }, 501, /^A stored policy is not supported/],
    ['member of the project', 'POST', 'groups', { group: { name: 'x' } }, 403, /identity:create_group/],
  ];

  for (const [as, method, path, payload, status, text] of texts) {
    const reply = await ask(as, method, path, payload);
    assert.equal(reply.status, status, path);
    assert.match(reply.body.error.message, text);
    assert.deepEqual(Object.keys(reply.body.error).sort(), ['code', 'message', 'title']);
  }
  const { user_id } = persona('member of the project');
  assert.equal((await ask('admin of the system', 'PATCH', `users/${user_id}`, { user: {} })).status, 400);
});

test('lists are filtered, sorted and cut by the database', async () => {
  const as = 'reader of the system';
  const names = async (query: string) => {
    const { body } = await ask(as, 'GET', `users?${query}`);
    return body.users.map(({ name }: { name: string }) => name);
  };

  const managers = await names('name__contains=manager%20of');
  assert.deepEqual(managers, [...managers].sort());
  assert.equal(managers.length, 4);
  assert.deepEqual(await names('name__contains=manager%20of&sort_key=name&sort_dir=desc'), managers.toReversed());
  assert.deepEqual(await names('name__contains=manager%20of&limit=2'), managers.slice(0, 2));
  assert.deepEqual(await names('name__istartswith=MANAGER%20of'), managers);
  assert.deepEqual(await names('name__startswith=anager%20of'), []);
  const endings = await names('name__endswith=PROJECT&name__contains=manager');
  assert.deepEqual(
    endings,
    managers.filter((name: string) => name.endsWith('project')),
  );
  assert.deepEqual(await names('enabled=false'), []);
  assert.deepEqual(await names('domain_id=other'), []);
});
