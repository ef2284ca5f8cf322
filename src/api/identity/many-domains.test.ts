/** Several domains: what is made in one, who sees it, and how a domain ends. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type ApiFixture, openApiFixture } from '#test/api-fixture.ts';
import { identityOf, password } from '#test/identity-requests.ts';

let fixture: ApiFixture;
let identity: ReturnType<typeof identityOf>;
before(async () => {
  fixture = await openApiFixture();
  identity = identityOf(fixture);
});
after(() => fixture.close());

test('domains are made, changed and listed', async () => {
  const { domain } = await identity.send('POST', 'domains', {
    domain: { name: ' one ', description: 'd', tags: ['a'], options: { immutable: false } },
  });

  assert.deepEqual([domain.name, domain.enabled, domain.tags, domain.options], ['one', true, ['a'], { immutable: false }]);
  assert.equal(await identity.statusOf('POST', 'domains', { domain: { name: 'ONE' } }), 409, 'names differ in more than case');
  assert.equal(await identity.statusOf('PATCH', `domains/${domain.id}`, { domain: { name: 'Default' } }), 409);
  const changed = await identity.send('PATCH', `domains/${domain.id}`, { domain: { name: 'uno', description: null } });
  assert.deepEqual([changed.domain.name, changed.domain.description], ['uno', '']);
  const { domains } = await identity.send('GET', 'domains?name=uno');
  assert.deepEqual(
    domains.map(({ id }: { id: string }) => id),
    [domain.id],
  );
});

test('an id may be chosen for a domain, once', async () => {
  const explicit_domain_id = 'a'.repeat(32);
  const { domain } = await identity.send('POST', 'domains', { domain: { name: 'chosen', explicit_domain_id } });
  assert.equal(domain.id, explicit_domain_id);
  assert.equal(await identity.statusOf('POST', 'domains', { domain: { name: 'again', explicit_domain_id } }), 409);
  const bad = await identity.messageOf('POST', 'domains', { domain: { name: 'bad', explicit_domain_id: 'x' } });
  assert.equal(bad, 'Domain ID does not conform to required UUID format.');
});

test('names are unique in a domain, and a login names the domain', async () => {
  const [one, two] = [await identity.aDomain('first'), await identity.aDomain('second')];
  const ids = await Promise.all([one, two].map((domain_id) => identity.aUser('eve', { domain_id })));
  await Promise.all([one, two].map((domain_id) => identity.aProject('team', { domain_id })));

  assert.equal(await identity.statusOf('POST', 'users', { user: { name: 'eve', domain_id: one } }), 409);
  for (const [index, name] of ['First', 'second'].entries()) {
    const user = { name: 'eve', domain: { name }, password };
    const { body } = await identity.logInBy({ methods: ['password'], password: { user } });
    assert.equal(body.token.user.id, ids[index]);
  }
});

test('a domain is shown to whom it concerns', async () => {
  const domain_id = await identity.aDomain('hidden');
  const user = await identity.aUser('reader', { domain_id });
  const project = await identity.aProject('p', { domain_id });
  await identity.send('PUT', `projects/${project}/users/${user}/roles/reader`);
  await identity.send('PUT', `domains/${domain_id}/users/${user}/roles/reader`);
  const ofProject = await identity.tokenOf(user, { project: { id: project } });
  const ofDomain = await identity.tokenOf(user, { domain: { id: domain_id } });

  for (const token of [ofProject, ofDomain]) {
    assert.equal(await identity.statusOf('GET', `domains/${domain_id}`, undefined, token), 200);
    assert.equal(await identity.statusOf('GET', 'domains/default', undefined, token), 403);
  }
  assert.equal(await identity.statusOf('GET', 'domains', undefined, ofProject), 403);
  const { domains } = await identity.send('GET', 'domains', undefined, ofDomain);
  assert.deepEqual(
    domains.map(({ id }: { id: string }) => id),
    [domain_id],
  );
  for (const [method, path, body] of [
    ['POST', 'domains', { domain: { name: 'mine' } }],
    ['PATCH', `domains/${domain_id}`, { domain: { enabled: false } }],
    ['DELETE', `domains/${domain_id}`, undefined],
  ] as const)
    assert.equal(await identity.statusOf(method, path, body, ofDomain), 403, method);
});

test('tokens of a domain that was disabled stay void when it is enabled again', async () => {
  const domain_id = await identity.aDomain('off');
  const [user, foreign] = [await identity.aUser('u', { domain_id }), await identity.aUser('foreign')];
  const project = await identity.aProject('p', { domain_id });
  for (const id of [user, foreign]) await identity.send('PUT', `projects/${project}/users/${id}/roles/member`);
  const tokens = [
    await identity.tokenOf(user, 'unscoped'),
    await identity.tokenOf(user, { project: { id: project } }),
    await identity.tokenOf(foreign, { project: { id: project } }),
  ];
  const other = await identity.tokenOf(foreign, 'unscoped');

  await identity.send('PATCH', `domains/${domain_id}`, { domain: { enabled: false } });
  assert.equal((await identity.logIn(user, { project: { id: project } })).status, 401);
  await identity.send('PATCH', `domains/${domain_id}`, { domain: { enabled: true } });

  for (const token of tokens) assert.equal(await identity.rolesOf(token), undefined);
  assert.deepEqual(await identity.rolesOf(other), []);
  assert.equal((await identity.logIn(foreign, { project: { id: project } })).status, 201);
});

test('a domain is deleted when it is disabled, with its users and projects', async () => {
  const domain_id = await identity.aDomain('short');
  const user = await identity.aUser('u', { domain_id });
  const project = await identity.aProject('p', { domain_id });
  await identity.aProject('below', { domain_id, parent_id: project });
  await identity.send('PUT', `domains/${domain_id}/users/${user}/roles/admin`);

  const early = await identity.ask('DELETE', `domains/${domain_id}`);
  assert.equal(early.status, 403);
  assert.equal(early.body.error.message, 'Cannot delete a domain that is enabled, please disable it first.');
  await identity.send('PATCH', `domains/${domain_id}`, { domain: { enabled: false } });
  await identity.send('DELETE', `domains/${domain_id}`);

  for (const path of [`domains/${domain_id}`, `users/${user}`, `projects/${project}`])
    assert.equal(await identity.statusOf('GET', path), 404, path);
  assert.deepEqual(await fixture.store.role_assignments.list({ scope_id: domain_id }), []);
});

test('a domain whose projects have resources stays', async () => {
  const domain_id = await identity.aDomain('full');
  const project = await identity.aProject('p', { domain_id });
  const payload = { network: { name: 'n', project_id: project } };
  const made = await fixture.ask({ method: 'POST', url: '/network/v2.0/networks', payload });
  assert.equal(made.status, 201);
  await identity.send('PATCH', `domains/${domain_id}`, { domain: { enabled: false } });

  assert.equal(await identity.statusOf('DELETE', `domains/${domain_id}`), 409);

  assert.equal(await identity.statusOf('GET', `projects/${project}`), 200);
});

test('the domain of the administrator is neither disabled nor deleted', async () => {
  assert.equal(await identity.statusOf('PATCH', 'domains/default', { domain: { enabled: false } }), 403);
  assert.equal(await identity.statusOf('DELETE', 'domains/default'), 403);
});

test('an immutable domain or project is changed and deleted only after the option is unset, alone', async () => {
  const domain = await identity.aDomain('fixed');
  const project = await identity.aProject('fixed');
  for (const [kind, path, id] of [
    ['domain', 'domains', domain],
    ['project', 'projects', project],
  ] as const) {
    const url = `${path}/${id}`;
    await identity.send('PATCH', url, { [kind]: { options: { immutable: true } } });
    const message = await identity.messageOf('PATCH', url, { [kind]: { description: 'other' } });
    const end = `immutable ${kind} resource: \`${id}. Set resource option "immutable" to false first.`;
    assert.equal(message, `Unable to update ${end}`);
    assert.equal(await identity.messageOf('DELETE', url), `Unable to delete ${end}`);
    const both = { description: 'other', options: { immutable: false } };
    assert.equal(await identity.statusOf('PATCH', url, { [kind]: both }), 403);
    await identity.send('PATCH', url, { [kind]: { options: { immutable: null } } });
    const { [kind]: shown } = await identity.send('PATCH', url, { [kind]: { description: 'other' } });
    assert.deepEqual([shown.description, shown.options], ['other', {}]);
  }
});

test('a domain is also shown as the project that acts as it', async () => {
  const { project } = await identity.send('POST', 'projects', { project: { name: 'acting', is_domain: true } });
  assert.deepEqual([project.is_domain, project.domain_id, project.parent_id], [true, null, null]);
  assert.equal((await identity.send('GET', `domains/${project.id}`)).domain.name, 'acting');
  const { projects } = await identity.send('GET', 'projects?is_domain=true');
  assert.ok(projects.some(({ id }: { id: string }) => id === project.id));
  assert.deepEqual((await identity.send('GET', 'projects?is_domain=true&domain_id=default')).projects, []);
  await identity.send('PATCH', `projects/${project.id}`, { project: { enabled: false } });
  await identity.send('DELETE', `projects/${project.id}`);
  assert.equal(await identity.statusOf('GET', `domains/${project.id}`), 404);
  const nested = { project: { name: 'no', is_domain: true, domain_id: 'default' } };
  assert.equal(await identity.messageOf('POST', 'projects', nested), 'only root projects are allowed to act as domains.');
});
