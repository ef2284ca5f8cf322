/** What managers and readers of one domain cannot reach in another, nor make of their own. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type ApiFixture, openApiFixture } from '#test/api-fixture.ts';
import { identityOf } from '#test/identity-requests.ts';

let fixture: ApiFixture;
let identity: ReturnType<typeof identityOf>;
const own = { domain: '', manager: '', project: '', token: '', user: '', group: '' };
const other = { domain: '', project: '', user: '', group: '' };
before(async () => {
  fixture = await openApiFixture();
  identity = identityOf(fixture);
  for (const side of [own, other]) {
    side.domain = await identity.aDomain(side === own ? 'own' : 'other');
    const domain_id = side.domain;
    side.project = await identity.aProject('p', { domain_id });
    side.user = await identity.aUser('u', { domain_id });
    side.group = (await identity.send('POST', 'groups', { group: { name: 'g', domain_id } })).group.id;
    await identity.send('PUT', `projects/${side.project}/users/${side.user}/roles/member`);
  }
  own.manager = await identity.aUser('manager', { domain_id: own.domain });
  await identity.send('PUT', `domains/${own.domain}/users/${own.manager}/roles/manager`);
  own.token = await identity.tokenOf(own.manager, { domain: { id: own.domain } });
});
after(() => fixture.close());

test('lists have only what is of the domain, whatever they are filtered by', async () => {
  for (const list of ['users', 'projects', 'groups'])
    for (const query of ['', `?domain_id=${other.domain}`, '?domain_id=default']) {
      const body = await identity.send('GET', `${list}${query}`, undefined, own.token);
      const domains = body[list].map(({ domain_id }: { domain_id: string }) => domain_id);
      assert.ok(
        domains.every((id: string) => id === own.domain),
        `${list}${query}`,
      );
    }
  for (const query of ['', 'effective', `scope.project.id=${other.project}`, `user.id=${other.user}&effective`]) {
    const { role_assignments } = await identity.send('GET', `role_assignments?${query}`, undefined, own.token);
    assert.ok(!JSON.stringify(role_assignments).includes(other.user), query);
  }
  const tree = `role_assignments?scope.project.id=${other.project}&include_subtree`;
  assert.equal(await identity.statusOf('GET', tree, undefined, own.token), 403);
});

const requests: readonly (readonly ['GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', string, object?])[] = [
  ['GET', 'projects/PROJECT'],
  ['GET', 'projects/PROJECT/tags'],
  ['PUT', 'projects/PROJECT/tags/x'],
  ['PATCH', 'projects/PROJECT', { project: { enabled: false } }],
  ['DELETE', 'projects/PROJECT'],
  ['GET', 'users/USER'],
  ['PATCH', 'users/USER', { user: { password: 'mine' } }],
  ['PATCH', 'users/USER', { user: { options: { multi_factor_auth_enabled: false } } }],
  ['GET', 'users/USER/groups'],
  ['GET', 'users/USER/projects'],
  ['GET', 'groups/GROUP'],
  ['PATCH', 'groups/GROUP', { group: { name: 'x' } }],
  ['GET', 'groups/GROUP/users'],
  ['GET', 'domains/DOMAIN'],
  ['PATCH', 'projects/DOMAIN', { project: { enabled: false } }],
  ['GET', 'projects/DOMAIN?subtree_as_ids'],
];

test('what is of another domain is answered like what does not exist', async () => {
  const fill = (path: string, ids: typeof other) =>
    path.replace('PROJECT', ids.project).replace('USER', ids.user).replace('GROUP', ids.group).replace('DOMAIN', ids.domain);
  const nothing = { domain: 'd'.repeat(32), project: 'p'.repeat(32), user: 'u'.repeat(32), group: 'g'.repeat(32) };
  for (const [method, path, body] of requests) {
    const [found, absent] = [
      await identity.ask(method, fill(path, other), body, own.token),
      await identity.ask(method, fill(path, nothing), body, own.token),
    ];
    assert.deepEqual([found.status, found.body], [absent.status, absent.body], `${method} ${path}`);
    assert.equal(found.status, 403, `${method} ${path}`);
  }
});

test('a domain is not changed by its managers, also not as a project', async () => {
  for (const path of [`domains/${own.domain}`, `projects/${own.domain}`]) {
    const kind = path.startsWith('domains') ? 'domain' : 'project';
    assert.equal(await identity.statusOf('PATCH', path, { [kind]: { enabled: false } }, own.token), 403);
    assert.equal(await identity.statusOf('DELETE', path, undefined, own.token), 403);
  }
  assert.equal(await identity.statusOf('POST', 'projects', { project: { name: 'x', is_domain: true } }, own.token), 403);
});

test('nothing is moved or made across the border', async () => {
  const statusOf = (...[method, path, body]: (typeof requests)[number]) => identity.statusOf(method, path, body, own.token);
  assert.equal(await statusOf('POST', 'projects', { project: { name: 'x', parent_id: other.project } }), 400);
  assert.equal(await statusOf('POST', 'projects', { project: { name: 'x', domain_id: other.domain } }), 403);
  assert.equal(await statusOf('PATCH', `projects/${own.project}`, { project: { domain_id: other.domain } }), 400);
  assert.equal(await statusOf('PATCH', `users/${own.user}`, { user: { domain_id: other.domain } }), 400);
  assert.equal(await statusOf('PATCH', `groups/${own.group}`, { group: { domain_id: other.domain } }), 400);
  assert.equal(await statusOf('PUT', `projects/${own.project}/users/${other.user}/roles/member`), 403);
  assert.equal(await statusOf('PUT', `projects/${other.project}/users/${own.user}/roles/member`), 403);
  assert.equal(await statusOf('PUT', `groups/${own.group}/users/${other.user}`), 403);
});

test('a user who is made while the domain is deleted stays in none', async () => {
  const domain_id = await identity.aDomain('short');
  await identity.send('PATCH', `domains/${domain_id}`, { domain: { enabled: false } });
  const [deleted, made] = await Promise.all([
    identity.ask('DELETE', `domains/${domain_id}`),
    identity.ask('POST', 'users', { user: { name: 'late', password: 'pw', domain_id } }),
  ]);
  const left = await fixture.store.users.list({ domain_id });
  if (deleted.status === 204) assert.deepEqual([made.status, left.length], [404, 0]);
  else assert.deepEqual([deleted.status, made.status], [409, 201]);
});

test('tokens of a deleted domain stay void in a later one with its id', async () => {
  const [id, user] = ['a'.repeat(32), await identity.aUser('twice')];
  const make = async () => {
    await identity.send('POST', 'domains', { domain: { name: 'twice', explicit_domain_id: id } });
    await identity.send('PUT', `domains/${id}/users/${user}/roles/reader`);
    return identity.tokenOf(user, { domain: { id } });
  };
  const token = await make();
  await identity.send('PATCH', `domains/${id}`, { domain: { enabled: false } });
  await identity.send('DELETE', `domains/${id}`);
  const later = await make();

  assert.deepEqual([await identity.rolesOf(token), await identity.rolesOf(later)], [undefined, ['reader']]);
});

test('a default project reveals nothing: one of another domain and none at all are the same', async () => {
  for (const default_project_id of [other.project, 'f'.repeat(32)]) {
    const user = { default_project_id };
    const changed = await identity.send('PATCH', `users/${own.user}`, { user }, own.token);
    assert.equal(changed.user.default_project_id, default_project_id);
    const { status, body } = await identity.logIn(own.user);
    assert.deepEqual([status, body.token.project, body.token.roles], [201, undefined, undefined]);
  }
  assert.equal(await identity.statusOf('PATCH', `users/${own.user}`, { user: { default_project_id: 'f'.repeat(65) } }), 400);
});
