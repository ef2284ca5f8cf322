import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { aFlavor, anImage } from '#test/a-task.ts';
import { openRackFixture } from '#test/rack-fixture.ts';

const fixture = await openRackFixture();
after(() => fixture.close());
const base = '/compute/v2.1';
await fixture.store.flavors.insert(aFlavor());
const image = await fixture.store.images.insert(anImage());
const properties = { cpus: 4, memory_mb: 4096, local_gb: 20 };
await fixture.engine.createNode({ driver: 'fake-hardware', provision_state: 'available', properties });

function ask(method: 'GET' | 'POST', path: string, { minor, payload }: { minor: number; payload?: object }) {
  const headers = { 'openstack-api-version': `compute 2.${minor}` };
  return fixture.ask({ method, url: `${base}${path}`, headers, ...(payload && { payload }) });
}

test('from 2.92 on no key pair is generated', async () => {
  const create = async (minor: number, keypair: object) =>
    (await ask('POST', '/os-keypairs', { minor, payload: { keypair } })).status;
  const public_key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ6m+xUj3L3lNzZ6PBZ2uqZ8JgN7yJm9qz9yQyq1uYQk me@here';

  assert.equal(await create(91, { name: 'generated' }), 201);
  assert.equal(await create(92, { name: 'another' }), 400);
  assert.equal(await create(92, { name: 'another', public_key: null }), 400);
  assert.equal(await create(92, { name: 'me@example.org', public_key }), 201);
});

test('from 2.94 on the hostname can be a domain name', async () => {
  const create = (minor: number, hostname: string) => {
    const server = { name: 'web', imageRef: image.id, flavorRef: 'f1', networks: 'none', hostname };
    return ask('POST', '/servers', { minor, payload: { server } });
  };

  assert.equal((await create(93, 'web.example.org')).status, 400);
  assert.equal((await create(94, 'web example')).status, 400);
  const { status, body } = await create(94, 'web.example.org');
  await fixture.quiet();

  assert.equal(status, 202);
  const shown = await ask('GET', `/servers/${body.server.id}`, { minor: 94 });
  assert.equal(shown.body.server['OS-EXT-SRV-ATTR:hostname'], 'web.example.org');
});

test('from 2.96 on a server shows the zone that its request named', async () => {
  const server = { name: 'pinned', imageRef: image.id, flavorRef: 'f1', networks: 'none', availability_zone: 'nova' };
  const { body } = await ask('POST', '/servers', { minor: 96, payload: { server } });
  await fixture.quiet();
  const zone = async (path: string, minor: number) => {
    const { servers, server } = (await ask('GET', path, { minor })).body;
    return (server ?? servers.find(({ id }: { id: string }) => id === body.server.id)).pinned_availability_zone;
  };

  assert.equal(await zone(`/servers/${body.server.id}`, 96), 'nova');
  assert.equal(await zone('/servers/detail', 96), 'nova');
  assert.equal(await zone(`/servers/${body.server.id}`, 95), undefined);
});
