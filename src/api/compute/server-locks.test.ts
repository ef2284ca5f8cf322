/** Nova's `check_instance_lock`: which requests a lock forbids, and to whom. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { aFlavor, anImage } from '#test/a-task.ts';
import { createPersonas } from '#test/personas.ts';
import { openRackFixture } from '#test/rack-fixture.ts';

const fixture = await openRackFixture();
after(() => fixture.close());
await fixture.store.flavors.insert(aFlavor());
const image = await fixture.store.images.insert(anImage());
const properties = { cpus: 4, memory_mb: 4096, local_gb: 20 };
const made = await fixture.engine.createNode({ driver: 'fake-hardware', provision_state: 'available', properties });
const personas = await createPersonas(fixture);
const member = { ...personas.find(({ name }) => name === 'member of the project')?.headers };

type Ask = { method?: string; path: string; payload?: object; status: number };
const act = (payload: object, status = 202): Ask => ({ method: 'POST', path: '/action', payload, status });

/** In an order in which each is possible. `status` is that of a caller whom the lock does not stop. */
const forbidden: readonly Ask[] = [
  act({ 'os-stop': null }),
  act({ 'os-start': null }),
  act({ reboot: { type: 'HARD' } }),
  act({ rebuild: { imageRef: image.id, description: 'rebuilt' } }),
  act({ trigger_crash_dump: null }, 400),
  { method: 'POST', path: '/metadata', payload: { metadata: { a: '1' } }, status: 200 },
  { method: 'PUT', path: '/metadata/a', payload: { meta: { a: '2' } }, status: 200 },
  { method: 'DELETE', path: '/metadata/a', status: 204 },
  { method: 'PUT', path: '/metadata', payload: { metadata: {} }, status: 200 },
];
const allowed: readonly Ask[] = [
  { path: '', status: 200 },
  { method: 'PUT', path: '', payload: { server: { name: 'renamed' } }, status: 200 },
  // The server has no port that could be in a group.
  act({ addSecurityGroup: { name: 'default' } }, 404),
  act({ 'os-getConsoleOutput': null }, 200),
  act({ lock: null }),
];
const deletions: readonly Ask[] = [{ method: 'DELETE', path: '', status: 204 }, act({ forceDelete: null })];

async function aServer(): Promise<string> {
  const payload = { server: { name: 'web', imageRef: image.id, flavorRef: 'f1', networks: 'none' } };
  const headers = { ...member, 'x-openstack-nova-api-version': '2.87' };
  const { body, status } = await fixture.ask({ method: 'POST', url: '/compute/v2.1/servers', headers, payload });
  assert.equal(status, 202, JSON.stringify(body));
  await fixture.quiet();
  return body.server.id;
}

async function ask(id: string, { path, status: _, ...request }: Ask, headers: Record<string, string> = {}) {
  const version = { 'x-openstack-nova-api-version': '2.73', ...headers };
  return fixture.ask({ ...request, url: `/compute/v2.1/servers/${id}${path}`, headers: version });
}

test('a lock stops the project from what it forbids, and the administrators of the cloud from nothing', async () => {
  fixture.consoles.set(made.uuid, 'login:');
  const id = await aServer();
  assert.equal((await ask(id, act({ lock: { locked_reason: 'in use' } }), member)).status, 202);

  for (const request of [...forbidden, ...deletions]) {
    const refused = await ask(id, request, member);
    assert.equal(refused.status, 409, JSON.stringify(request));
    assert.equal(refused.body.conflictingRequest.message, `Instance ${id} is locked`);
  }
  for (const request of allowed) {
    const { status, body } = await ask(id, request, member);
    assert.equal(status, request.status, JSON.stringify([request, body]));
  }
  for (const request of forbidden) {
    const { status, body } = await ask(id, request);
    assert.equal(status, request.status, JSON.stringify([request, body]));
    await fixture.quiet();
  }
  const { server } = (await ask(id, { path: '', status: 200 })).body;
  assert.deepEqual([server.locked, server.locked_reason, server.status, server.name], [true, 'in use', 'ACTIVE', 'renamed']);
});

test('an administrator deletes a locked server, also by the verb of its node', async () => {
  await fixture.engine.deleteServer((await fixture.store.servers.list({ vm_state: 'active' }))[0]?.id ?? '', {
    overridesLock: true,
  });
  await fixture.quiet();
  for (const request of deletions) {
    const id = await aServer();
    assert.equal((await ask(id, act({ lock: null }), member)).status, 202);
    assert.equal((await ask(id, request)).status, request.status);
    await fixture.quiet();
    assert.equal((await fixture.store.servers.find({ id }))?.vm_state, 'deleted');
  }
  const id = await aServer();
  assert.equal((await ask(id, act({ lock: null }), member)).status, 202);
  await assert.rejects(fixture.engine.setProvisionState(made.uuid, 'deleted', {}), /is locked/);
  const url = `/baremetal/v1/nodes/${made.uuid}/states/provision`;
  assert.equal((await fixture.ask({ method: 'PUT', url, payload: { target: 'deleted' } })).status, 202);
  await fixture.quiet();
  assert.equal((await fixture.store.servers.find({ id }))?.vm_state, 'deleted');
});
