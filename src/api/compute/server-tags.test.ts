/** Tags of servers: `/servers/{id}/tags`, at their creation, and as filters of lists. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { aFlavor, anImage } from '#test/a-task.ts';
import { openRackFixture } from '#test/rack-fixture.ts';

const fixture = await openRackFixture();
after(() => fixture.close());
await fixture.store.flavors.insert(aFlavor({ vcpus: 2, ram: 1024 }));
const image = await fixture.store.images.insert(anImage());

function ask(method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, payload?: object, minor = 90) {
  const headers = { 'openstack-api-version': `compute 2.${minor}` };
  return fixture.ask({ method, url: `/compute/v2.1${path}`, headers, ...(payload && { payload }) });
}

const properties = { cpus: 4, memory_mb: 4096, local_gb: 20 };

async function aServer(fields: object = {}): Promise<string> {
  await fixture.engine.createNode({ driver: 'fake-hardware', provision_state: 'available', properties });
  const server = { name: 'web', imageRef: image.id, flavorRef: 'f1', networks: 'none', ...fields };
  const { status, body } = await ask('POST', '/servers', { server });
  assert.equal(status, 202, JSON.stringify(body));
  await fixture.quiet();
  return body.server.id;
}

const tagsOf = async (id: string) => (await ask('GET', `/servers/${id}/tags`)).body.tags;

test('tags are replaced, added, shown and deleted', async () => {
  const id = await aServer({ tags: ['b', 'a', 'b'] });
  assert.deepEqual(await tagsOf(id), ['a', 'b']);
  assert.deepEqual((await ask('GET', `/servers/${id}`)).body.server.tags, ['a', 'b']);

  const replaced = await ask('PUT', `/servers/${id}/tags`, { tags: ['x', 'red team'] });
  assert.deepEqual([replaced.status, replaced.body], [200, { tags: ['red team', 'x'] }]);
  const added = await ask('PUT', `/servers/${id}/tags/${encodeURIComponent('q&a é')}`);
  assert.equal(added.status, 201);
  assert.match(String(added.headers['location']), new RegExp(`/compute/v2.1/servers/${id}/tags/q%26a%20%C3%A9$`));
  assert.equal((await ask('PUT', `/servers/${id}/tags/x`)).status, 204);
  assert.equal((await ask('GET', `/servers/${id}/tags/x`)).status, 204);

  assert.equal((await ask('DELETE', `/servers/${id}/tags/x`)).status, 204);
  for (const method of ['GET', 'DELETE'] as const) {
    const gone = await ask(method, `/servers/${id}/tags/x`);
    assert.equal(gone.status, 404);
    assert.equal(gone.body.itemNotFound.message, `Server ${id} has no tag 'x'`);
  }
  assert.deepEqual(await tagsOf(id), ['q&a é', 'red team']);
  assert.equal((await ask('DELETE', `/servers/${id}/tags`)).status, 204);
  assert.deepEqual(await tagsOf(id), []);
});

test('what Nova refuses changes nothing', async () => {
  const id = await aServer({ tags: ['kept'] });
  const many = Array.from({ length: 51 }, (_, index) => `t${index}`);
  for (const tags of [['a,b'], ['a/b'], [''], ['x'.repeat(61)], many, [1], 'a'])
    assert.equal((await ask('PUT', `/servers/${id}/tags`, { tags })).status, 400, JSON.stringify(tags));
  for (const tag of ['a,b', 'a%2Fb', 'x'.repeat(61)]) {
    const { status, body } = await ask('PUT', `/servers/${id}/tags/${tag}`);
    assert.equal(status, 400, tag);
    assert.match(body.badRequest.message, /^Tag '.*' is invalid\. It must be a non empty string/);
  }
  const none = await ask('POST', '/servers', {
    server: { name: 'x', imageRef: image.id, flavorRef: 'f1', networks: 'none', tags: ['a,b'] },
  });
  assert.equal(none.status, 400);
  assert.equal((await ask('GET', `/servers/${id}/tags`, undefined, 25)).status, 404);
  assert.deepEqual(await tagsOf(id), ['kept']);

  await ask('PUT', `/servers/${id}/tags`, { tags: many.slice(1) });
  const full = await ask('PUT', `/servers/${id}/tags/one-more`);
  assert.equal(full.body.badRequest.message, 'The number of tags exceeded the per-server limit 50');
});

test('a locked server takes tags, one in ERROR does not', async () => {
  const id = await aServer();
  await ask('POST', `/servers/${id}/action`, { lock: {} });
  assert.equal((await ask('PUT', `/servers/${id}/tags/a`)).status, 201);
  await fixture.store.servers.update({ id }, { vm_state: 'error' });
  const refused = await ask('PUT', `/servers/${id}/tags`, { tags: [] });
  assert.equal(refused.status, 409);
  assert.equal(refused.body.conflictingRequest.message, `Cannot 'update tags' instance ${id} while it is in vm_state error`);
  assert.deepEqual(await tagsOf(id), ['a']);
});

test('lists are filtered by tags', async () => {
  const all = (await ask('GET', '/servers')).body.servers as { id: string }[];
  for (const { id } of all) await ask('DELETE', `/servers/${id}`);
  await fixture.quiet();
  const ids = { none: await aServer(), a: await aServer({ tags: ['a'] }), ab: await aServer({ tags: ['a', 'b'] }) };
  const names = Object.entries(ids);
  const listed = async (query: string) => {
    const { body } = await ask('GET', `/servers?${query}`);
    return (body.servers as { id: string }[]).map(({ id }) => names.find(([, each]) => each === id)?.[0]).sort();
  };
  assert.deepEqual(await listed('tags=a'), ['a', 'ab']);
  assert.deepEqual(await listed('tags=a,b'), ['ab']);
  assert.deepEqual(await listed('tags-any=b,c'), ['ab']);
  assert.deepEqual(await listed('not-tags=a,b'), ['a', 'none']);
  assert.deepEqual(await listed('not-tags-any=b,c'), ['a', 'none']);
  assert.deepEqual(await listed('tags=a&not-tags=b'), ['a']);
  const many = Array.from({ length: 1200 }, (_, index) => `t${index}`).join(',');
  for (const filter of ['tags', 'tags-any', 'not-tags', 'not-tags-any']) {
    const { status, body } = await ask('GET', `/servers?${filter}=${many}`);
    assert.equal(status, 400, filter);
    assert.equal(body.badRequest.message, 'Invalid query: 1200 tags are named, 50 are allowed.');
  }
});
