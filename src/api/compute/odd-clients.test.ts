/** Requests and expectations reported of Nova clients (docs/compatibility.md). */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Fault } from '#domain/faults.ts';
import { aFlavor, anImage } from '#test/a-task.ts';
import { openRackFixture } from '#test/rack-fixture.ts';

const fixture = await openRackFixture();
after(() => fixture.close());
const base = '/compute/v2.1';
await fixture.store.flavors.insert(aFlavor({ vcpus: 2, ram: 1024 }));
const image = await fixture.store.images.insert(anImage());

function ask(method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, payload?: object, minor = 90) {
  const headers = { 'openstack-api-version': `compute 2.${minor}` };
  return fixture.ask({ method, url: `${base}${path}`, headers, ...(payload && { payload }) });
}

async function aNode(): Promise<void> {
  const properties = { cpus: 4, memory_mb: 4096, local_gb: 20 };
  await fixture.engine.createNode({ driver: 'fake-hardware', provision_state: 'available', properties });
}

const create = (fields: object = {}) =>
  ask('POST', '/servers', { server: { name: 'web', imageRef: image.id, flavorRef: 'f1', networks: 'none', ...fields } });

async function remove(...ids: string[]): Promise<void> {
  for (const id of ids) await ask('DELETE', `/servers/${id}`);
  await fixture.quiet();
}

test('shows each server in the security group that clients expect, so that they repair nothing', async () => {
  const group = [{ name: 'default' }];
  for (const asked of [{}, { security_groups: group }]) {
    await aNode();
    const { body } = await create(asked);
    const { id } = body.server;
    await fixture.quiet();

    const shown = await ask('GET', `/servers/${id}`, undefined, 1);
    const listed = await ask('GET', '/servers/detail');
    const groups = await ask('GET', `/servers/${id}/os-security-groups`);

    assert.deepEqual(body.server.security_groups, group);
    assert.deepEqual(shown.body.server.security_groups, group);
    assert.deepEqual(listed.body.servers[0].security_groups, group);
    assert.deepEqual(
      groups.body.security_groups.map(({ name }: { name: string }) => name),
      [],
    );
    await remove(id);
  }
});

test('a server without ports can be in no security group', async () => {
  await aNode();
  const { id } = (await create()).body.server;
  await fixture.quiet();
  const act = (body: object) => ask('POST', `/servers/${id}/action`, body);

  for (const [body, status] of [
    [{ addSecurityGroup: { name: 'default' } }, 404],
    [{ removeSecurityGroup: { name: 'default' } }, 404],
    [{ addSecurityGroup: {} }, 400],
    [{ addSecurityGroup: null }, 400],
  ] as const)
    assert.equal((await act(body)).status, status, JSON.stringify(body));
  await remove(id);
});

test('returns nothing after the last server, also if it failed or the list is filtered', async () => {
  await aNode();
  fixture.breakDeployments(new Fault('bmcUnreachable', { bmc: 'a BMC', detail: 'silence' }));
  const { id } = (await create({ name: 'lone' })).body.server;
  await fixture.quiet();
  fixture.breakDeployments(undefined);
  const failed = await ask('GET', `/servers/${id}`);

  const rests = await Promise.all(
    ['', 'name=lone&', 'status=ERROR&', 'sort_key=name&limit=1&'].map((query) =>
      ask('GET', `/servers/detail?${query}marker=${id}`),
    ),
  );
  const byName = await ask('GET', '/servers/lone');

  assert.equal(failed.body.server.status, 'ERROR');
  for (const { status, body } of rests) assert.deepEqual([status, body], [200, { servers: [] }]);
  assert.equal(byName.status, 404);
  await remove(id);
});

test('returns quotas with usage', async () => {
  await aNode();
  const { id } = (await create()).body.server;
  await fixture.quiet();
  const { tenant_id: project } = (await ask('GET', `/servers/${id}`)).body.server;

  const { quota_set } = (await ask('GET', `/os-quota-sets/${project}/detail`)).body;

  assert.equal(quota_set.id, project);
  assert.deepEqual(quota_set.instances, { limit: -1, in_use: 1, reserved: 0 });
  assert.deepEqual([quota_set.cores.in_use, quota_set.ram.in_use], [2, 1024]);
  assert.deepEqual(quota_set.key_pairs, { limit: 100, in_use: 0, reserved: 0 });
  await remove(id);
});

test('accepts metadata keys that fit into a path, at creation and later', async () => {
  await aNode();
  const { body } = await create({ metadata: { 'k8s.io:role_a-1 b': 'é/', n: 'n' } });
  const { id } = body.server;
  await fixture.quiet();

  for (const key of ['k8s.io/role', 'libstdc++', 'ü', '', 'x'.repeat(256)]) {
    const metadata = { [key]: 'value' };
    const replies = [
      await create({ metadata }),
      await ask('POST', `/servers/${id}/metadata`, { metadata }),
      await ask('POST', `/servers/${id}/action`, { rebuild: { imageRef: image.id, metadata } }),
    ];
    for (const reply of replies) {
      assert.equal(reply.status, 400, key);
      assert.match(reply.body.badRequest.message, /metadata/);
    }
  }
  const { metadata } = (await ask('GET', `/servers/${id}/metadata`)).body;
  assert.deepEqual(metadata, { 'k8s.io:role_a-1 b': 'é/', n: 'n' });
  const one = await ask('GET', `/servers/${id}/metadata/${encodeURIComponent('k8s.io:role_a-1 b')}`);
  assert.equal(one.status, 200);
  await remove(id);
});

test('a server without NUMA nodes and without a reported password says so', async () => {
  await aNode();
  const { id } = (await create()).body.server;
  await fixture.quiet();
  assert.deepEqual((await ask('GET', `/servers/${id}/topology`)).body, { nodes: [], pagesize_kb: null });
  assert.equal((await ask('GET', `/servers/${id}/topology`, undefined, 77)).status, 404);
  assert.deepEqual((await ask('GET', `/servers/${id}/os-server-password`)).body, { password: '' });
  assert.equal((await ask('DELETE', `/servers/${id}/os-server-password`)).status, 204);
  await remove(id);
  for (const part of ['topology', 'os-server-password']) assert.equal((await ask('GET', `/servers/${id}/${part}`)).status, 404);
});

test('rejects unknown members of a body where Nova does', async () => {
  await aNode();
  const { id } = (await create()).body.server;
  await fixture.quiet();
  const bodies = [
    ['POST', `/servers/${id}/metadata`, { metadata: {}, odd: 1 }],
    ['PUT', `/servers/${id}/metadata`, { metadata: {}, odd: 1 }],
    ['PUT', `/servers/${id}/metadata/key`, { meta: { key: 'v' }, odd: 1 }],
    ['POST', '/flavors/f1/os-extra_specs', { extra_specs: { a: 'b' }, odd: 1 }],
    ['PUT', '/flavors/f1', { flavor: { description: 'd', odd: 1 } }],
    ['PUT', '/flavors/f1', { flavor: { description: 'd' }, odd: 1 }],
    ['POST', '/flavors', { flavor: { name: 'n', ram: 1, vcpus: 1, disk: 1 }, odd: 1 }],
  ] as const;

  for (const [method, path, body] of bodies) {
    const reply = await ask(method, path, body);
    assert.equal(reply.status, 400, `${method} ${path}`);
    assert.match(JSON.stringify(reply.body), /odd|additional/i);
  }
  assert.equal((await ask('PUT', `/servers/${id}/metadata`, { metadata: { a: 'b' } })).status, 200);
});
