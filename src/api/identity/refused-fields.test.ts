/** Fields that Keystone refuses, found by asking both the same (`test/cloud-oracle/`). */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type ApiFixture, openApiFixture } from '#test/api-fixture.ts';
import { identityOf } from '#test/identity-requests.ts';

let fixture: ApiFixture;
let identity: ReturnType<typeof identityOf>;
before(async () => {
  fixture = await openApiFixture();
  identity = identityOf(fixture);
});
after(() => fixture.close());

test('another id is refused, and its own accepted', async () => {
  const [user, project] = [await identity.aUser('same'), await identity.aProject('same')];
  const { group } = await identity.send('POST', 'groups', { group: { name: 'same' } });
  const { role } = await identity.send('POST', 'roles', { role: { name: 'same' } });
  await identity.send('PUT', 'regions/same', { region: {} });
  const nouns = { user, project, group: group.id, role: role.id, region: 'same' };

  for (const [noun, id] of Object.entries(nouns)) {
    const change = (fields: object) => identity.statusOf('PATCH', `${noun}s/${id}`, { [noun]: { description: 'd', ...fields } });
    assert.equal(await change({ id: 'other' }), 400, noun);
    assert.equal(await change({ id }), 200, noun);
  }
});

test('ids of domains and projects have the form of one', async () => {
  for (const domain_id of ['', 'a b', 'x'.repeat(65)]) {
    assert.equal(await identity.statusOf('POST', 'users', { user: { name: 'odd', domain_id } }), 400, domain_id);
    assert.equal(await identity.statusOf('POST', 'groups', { group: { name: 'odd', domain_id } }), 400, domain_id);
  }
  assert.equal(await identity.statusOf('POST', 'users', { user: { name: 'odd', default_project_id: 'a b' } }), 400);
  assert.equal(await identity.statusOf('POST', 'projects', { project: { name: 'odd', parent_id: '' } }), 400);
  const endpoint = { service_id: 'image', interface: 'public', url: 'http://x', region_id: '' };
  assert.equal(await identity.statusOf('POST', 'endpoints', { endpoint }), 400);
});

test('a domain is nobody’s default project', async () => {
  const user = await identity.aUser('homeless');

  assert.equal(await identity.statusOf('POST', 'users', { user: { name: 'odd', default_project_id: 'default' } }), 400);
  assert.equal(await identity.statusOf('PATCH', `users/${user}`, { user: { default_project_id: 'default' } }), 400);
});

test('a domain that is disabled gets no projects', async () => {
  const { domain } = await identity.send('POST', 'domains', { domain: { name: 'asleep', enabled: false } });

  assert.equal(await identity.statusOf('POST', 'projects', { project: { name: 'late', domain_id: domain.id } }), 400);
});

test('a change of a region changes something', async () => {
  await identity.send('PUT', 'regions/still', { region: {} });

  assert.equal(await identity.statusOf('PATCH', 'regions/still', { region: {} }), 400);
});

test('a HEAD of an implication has no content', async () => {
  const { status } = await fixture.ask({ method: 'HEAD', url: '/identity/v3/roles/admin/implies/manager' });

  assert.equal(status, 204);
});
