/** Address scopes (neutron/db/address_scope_db.py). */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { openTwoProjects } from '#test/two-projects.ts';

const { fixture, member, own, others } = await openTwoProjects();
after(() => fixture.close());

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';
async function ask(method: Method, path: string, payload?: object, headers: object = member) {
  const url = `/network/v2.0${path}`;
  const { status, body } = await fixture.ask({ method, url, headers: { ...headers }, ...(payload && { payload }) });
  return { status, body, type: body?.NeutronError?.type };
}
const byAdmin = {};
const theirs = `/address-scopes/${others['address-scopes']}`;

test('only administrators share a scope with all projects, and then it stays shared', async () => {
  const asked = { address_scope: { name: 'site', ip_version: '6', shared: true } };
  assert.equal((await ask('POST', '/address-scopes', asked)).status, 403);
  const { body } = await ask('POST', '/address-scopes', asked, byAdmin);
  const url = `/address-scopes/${body.address_scope.id}`;

  assert.deepEqual([body.address_scope.shared, body.address_scope.ip_version], [true, 6]);
  assert.equal((await ask('GET', url)).body.address_scope.shared, true);
  assert.equal((await ask('PUT', url, { address_scope: { name: 'mine' } })).status, 403);
  const unshared = await ask('PUT', url, { address_scope: { shared: false } }, byAdmin);
  assert.deepEqual([unshared.status, unshared.type], [400, 'AddressScopeUpdateError']);
  assert.equal((await ask('DELETE', url, undefined, byAdmin)).status, 204);
  assert.equal(await fixture.store.rbac_policies.count({ object_id: body.address_scope.id }), 0);
});

test('a scope of another project exists for those that it is shared with', async () => {
  const unseen = await ask('GET', theirs);
  assert.deepEqual([unseen.status, unseen.type], [404, 'AddressScopeNotFound']);
  assert.equal((await ask('GET', '/address-scopes?shared=true')).body.address_scopes.length, 0);

  const policy = { object_type: 'address_scope', object_id: others['address-scopes'], action: 'access_as_shared' };
  const body = { rbac_policy: { ...policy, target_tenant: own['projects'] } };
  assert.equal((await ask('POST', '/rbac-policies', body, byAdmin)).status, 201);

  assert.equal((await ask('GET', theirs)).body.address_scope.shared, true);
  assert.equal((await ask('GET', '/address-scopes?shared=true')).body.address_scopes.length, 1);
  assert.equal((await ask('DELETE', theirs)).status, 403);
});

test('what a scope cannot be is refused, and a project has at most fifty', async () => {
  const statusOf = async (address_scope: object) => (await ask('POST', '/address-scopes', { address_scope })).status;
  assert.equal(await statusOf({ name: 'five', ip_version: 5 }), 400);
  assert.equal(await statusOf({ name: 'none' }), 400);
  assert.equal(await statusOf({ name: 'x'.repeat(256), ip_version: 4 }), 400);
  assert.equal((await ask('PUT', `/address-scopes/${own['address-scopes']}`, { address_scope: { ip_version: 6 } })).status, 400);

  const address_scopes = Array.from({ length: 50 }, (_, index) => ({ name: `${index}`, ip_version: 4 }));
  const over = await ask('POST', '/address-scopes', { address_scopes });
  assert.deepEqual([over.status, over.type], [409, 'OverQuota']);
  assert.equal((await ask('GET', `/address-scopes?project_id=${own['projects']}`)).body.address_scopes.length, 1);
});
