/** Private flavors and the projects that may use them. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { anImage } from '#test/a-task.ts';
import { openRackFixture } from '#test/rack-fixture.ts';

const fixture = await openRackFixture();
after(() => fixture.close());
const image = await fixture.store.images.insert(anImage({ visibility: 'public' }));
const tenants = await makeProject('tenants');
const others = await makeProject('others');
const member = { 'x-auth-token': await tokenOf('tenant', tenants, 'tenants') };
const outsider = { 'x-auth-token': await tokenOf('outsider', others, 'others') };

async function makeProject(name: string): Promise<string> {
  const { body } = await fixture.ask({ method: 'POST', url: '/identity/v3/projects', payload: { project: { name } } });
  return body.project.id;
}

async function tokenOf(name: string, project: string, projectName: string): Promise<string> {
  const user = { name, password: 'a long password' };
  const { body } = await fixture.ask({ method: 'POST', url: '/identity/v3/users', payload: { user } });
  await fixture.ask({ method: 'PUT', url: `/identity/v3/projects/${project}/users/${body.user.id}/roles/member` });
  return fixture.logIn(name, 'a long password', projectName);
}

type Asking = { headers?: Record<string, string>; payload?: object; minor?: number };

function ask(method: 'GET' | 'POST' | 'DELETE', path: string, { headers, payload, minor = 90 }: Asking = {}) {
  const all = { ...headers, 'openstack-api-version': `compute 2.${minor}` };
  return fixture.ask({ method, url: `/compute/v2.1${path}`, headers: all, ...(payload && { payload }) });
}

async function aFlavor(id: string, is_public: boolean): Promise<void> {
  const flavor = { name: id, id, ram: 512, vcpus: 1, disk: 1, 'os-flavor-access:is_public': is_public };
  assert.equal((await ask('POST', '/flavors', { payload: { flavor } })).status, 200);
}

const add = (id: string, tenant: unknown, more: Asking = {}) =>
  ask('POST', `/flavors/${id}/action`, { payload: { addTenantAccess: { tenant } }, ...more });
const remove = (id: string, tenant: string) =>
  ask('POST', `/flavors/${id}/action`, { payload: { removeTenantAccess: { tenant } } });
const create = (headers: Record<string, string>, flavorRef: string) =>
  ask('POST', '/servers', { headers, payload: { server: { name: 'a', imageRef: image.id, flavorRef, networks: 'none' } } });

await aFlavor('open', true);

test('a private flavor exists for the projects that were given it', async () => {
  await aFlavor('gold', false);
  const idsFor = async (headers: Record<string, string>) =>
    ((await ask('GET', '/flavors', { headers })).body.flavors as { id: string }[]).map(({ id }) => id);
  assert.deepEqual(await idsFor(member), ['open']);
  assert.equal((await create(member, 'gold')).status, 400);

  const given = await add('gold', tenants);
  const access = [{ flavor_id: 'gold', tenant_id: tenants }];
  assert.deepEqual([given.status, given.body], [200, { flavor_access: access }]);
  assert.deepEqual((await ask('GET', '/flavors/gold/os-flavor-access')).body, { flavor_access: access });

  assert.deepEqual(await idsFor(member), ['gold', 'open']);
  assert.equal((await ask('GET', '/flavors/gold', { headers: member })).status, 200);
  assert.deepEqual(await idsFor(outsider), ['open']);
  assert.equal((await ask('GET', '/flavors/gold', { headers: outsider })).status, 404);
  assert.equal((await create(outsider, 'gold')).body.badRequest.message, 'Flavor gold could not be found.');
  assert.equal((await create(member, 'gold')).status, 202);

  const taken = await remove('gold', tenants);
  assert.deepEqual([taken.status, taken.body], [200, { flavor_access: [] }]);
  assert.deepEqual(await idsFor(member), ['open']);
});

test('only administrators give access, and what Nova refuses is refused', async () => {
  await aFlavor('silver', false);
  assert.equal((await add('silver', tenants, { headers: member })).status, 403);
  assert.equal(
    (await add('silver', 'no-such-project')).body.badRequest.message,
    'Project ID no-such-project is not a valid project.',
  );
  for (const tenant of ['', 7, 'x'.repeat(256)]) assert.equal((await add('silver', tenant)).status, 400, String(tenant));
  assert.equal((await add('none', tenants)).status, 404);

  assert.equal((await add('silver', tenants)).status, 200);
  const again = await add('silver', tenants);
  assert.equal(again.status, 409);
  assert.equal(
    again.body.conflictingRequest.message,
    `Flavor access already exists for flavor silver and project ${tenants} combination.`,
  );
  const missing = await remove('silver', others);
  assert.equal(missing.body.itemNotFound.message, `Flavor access not found for silver / ${others} combination.`);
});

test('a public flavor has no list, and takes access only before 2.7', async () => {
  const list = await ask('GET', '/flavors/open/os-flavor-access');
  assert.deepEqual([list.status, list.body.itemNotFound.message], [404, 'Access list not available for public flavors.']);
  assert.equal((await add('open', tenants)).body.conflictingRequest.message, 'Can not add access to a public flavor.');
  assert.equal((await add('open', tenants, { minor: 6 })).status, 200);
});

test('access goes with its flavor', async () => {
  await aFlavor('brief', false);
  await add('brief', tenants);
  assert.equal((await ask('DELETE', '/flavors/brief')).status, 202);
  await aFlavor('brief', false);
  assert.deepEqual((await ask('GET', '/flavors/brief/os-flavor-access')).body, { flavor_access: [] });
});
