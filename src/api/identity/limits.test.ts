/** Registered limits and limits: what refers to what, and who sees them. */
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

const service_id = 'compute';

async function register(resource_name: string): Promise<string> {
  const registered_limits = [{ service_id, resource_name, default_limit: 10 }];
  return (await identity.send('POST', 'registered_limits', { registered_limits })).registered_limits[0].id;
}

const limitOf = (resource_name: string, owner: object) => ({ service_id, resource_name, resource_limit: 5, ...owner });
const create = (...limits: object[]) => identity.ask('POST', 'limits', { limits });

test('a limit needs a registered one, which stays as it is meanwhile', async () => {
  const project_id = await identity.aProject('limited');
  assert.equal((await create(limitOf('cores', { project_id }))).status, 403);
  const registered = await register('cores');
  const [limit] = (await create(limitOf('cores', { project_id }))).body.limits;

  assert.deepEqual([limit.resource_limit, limit.domain_id, limit.region_id], [5, null, null]);
  assert.equal((await create(limitOf('cores', { project_id }))).status, 409);
  for (const method of ['PATCH', 'DELETE'] as const) {
    const reply = await identity.ask(
      method,
      `registered_limits/${registered}`,
      method === 'PATCH' ? { registered_limit: { default_limit: 1 } } : undefined,
    );
    assert.match(reply.body.error.message, /there are project limits associated with it/);
  }
  const changed = await identity.send('PATCH', `limits/${limit.id}`, { limit: { resource_limit: 0 } });
  assert.equal(changed.limit.resource_limit, 0);
  await identity.send('DELETE', `limits/${limit.id}`);
  const patch = { registered_limit: { default_limit: -1 } };
  assert.equal((await identity.send('PATCH', `registered_limits/${registered}`, patch)).registered_limit.default_limit, -1);
  await identity.send('DELETE', `registered_limits/${registered}`);
  assert.equal(await identity.statusOf('GET', `registered_limits/${registered}`), 404);
});

test('of several, all are made or none', async () => {
  const project_id = await identity.aProject('several');
  await register('ports');

  assert.equal((await create(limitOf('ports', { project_id }), limitOf('unknown', { project_id }))).status, 403);
  assert.deepEqual((await identity.send('GET', 'limits?resource_name=ports')).limits, []);
  const twice = { registered_limits: ['a', 'a'].map((resource_name) => ({ service_id, resource_name, default_limit: 1 })) };
  assert.equal(await identity.statusOf('POST', 'registered_limits', twice), 409);
  assert.deepEqual((await identity.send('GET', 'registered_limits?resource_name=a')).registered_limits, []);
});

test('a limit names a service, and either a project or a domain', async () => {
  await register('ram');
  const project_id = await identity.aProject('named');

  for (const owner of [{}, { project_id, domain_id: 'default' }, { project_id: 'none' }, { domain_id: 'none' }])
    assert.equal((await create(limitOf('ram', owner))).status, 400, JSON.stringify(owner));
  assert.equal((await create({ ...limitOf('ram', { project_id }), service_id: 'none' })).status, 400);
  assert.equal((await create({ ...limitOf('ram', { project_id }), region_id: 'none' })).status, 400);
  const [limit] = (await create(limitOf('ram', { project_id: 'default' }))).body.limits;
  assert.deepEqual([limit.project_id, limit.domain_id], [null, 'default'], 'the id of a domain means the domain');
});

test('a project sees its own limits, and a domain those of its projects', async () => {
  await register('disks');
  const domain = await identity.aDomain('limits');
  const [own, other] = [await identity.aProject('own'), await identity.aProject('other', { domain_id: domain })];
  const made = (await create(limitOf('disks', { project_id: own }), limitOf('disks', { project_id: other }))).body.limits;
  const user = await identity.aUser('sees');
  await identity.send('PUT', `projects/${own}/users/${user}/roles/member`);
  await identity.send('PUT', `domains/${domain}/users/${user}/roles/reader`);
  const inProject = await identity.tokenOf(user, { project: { id: own } });
  const inDomain = await identity.tokenOf(user, { domain: { id: domain } });
  const unscoped = await identity.tokenOf(user, 'unscoped');
  const seen = async (token: string) =>
    (await identity.send('GET', 'limits?resource_name=disks', undefined, token)).limits.map((each: { id: string }) => each.id);

  assert.deepEqual(await seen(inProject), [made[0].id]);
  assert.deepEqual(await seen(inDomain), [made[1].id]);
  assert.deepEqual(await seen(unscoped), []);
  const status = (token: string, limit: { id: string }) => identity.statusOf('GET', `limits/${limit.id}`, undefined, token);
  assert.deepEqual([await status(inProject, made[0]), await status(inProject, made[1])], [200, 403]);
  assert.deepEqual([await status(inDomain, made[0]), await status(inDomain, made[1])], [403, 200]);
  assert.deepEqual([await status(unscoped, made[0]), await status(unscoped, made[1])], [403, 403]);
});

test('limits go with their project or service', async () => {
  const { service } = await identity.send('POST', 'services', { service: { type: 'object-store' } });
  const fields = { service_id: service.id, resource_name: 'containers' };
  await identity.send('POST', 'registered_limits', { registered_limits: [{ ...fields, default_limit: 1 }] });
  const [gone, left] = [await identity.aProject('gone'), await identity.aProject('left')];
  for (const project_id of [gone, left]) assert.equal((await create({ ...fields, project_id, resource_limit: 1 })).status, 201);

  await identity.send('DELETE', `projects/${gone}`);
  assert.equal((await identity.send('GET', `limits?service_id=${service.id}`)).limits.length, 1);
  await identity.send('DELETE', `services/${service.id}`);
  assert.deepEqual(await fixture.store.limits.list({ service_id: service.id }), []);
  assert.deepEqual(await fixture.store.registered_limits.list({ service_id: service.id }), []);
});
