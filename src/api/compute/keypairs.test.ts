import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { openApiFixture } from '#test/api-fixture.ts';

const fixture = await openApiFixture();
after(() => fixture.close());
const url = '/compute/v2.1/os-keypairs';
const version = (minor: number) => ({ 'openstack-api-version': `compute 2.${minor}` });
const public_key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ6m+xUj3L3lNzZ6PBZ2uqZ8JgN7yJm9qz9yQyq1uYQk me@here';

test('imports a public key and never shows a private one', async () => {
  const created = await fixture.ask({ method: 'POST', url, payload: { keypair: { name: 'mine', public_key } } });
  const shown = await fixture.ask({ url: `${url}/mine` });

  assert.equal(created.status, 200);
  assert.equal('private_key' in created.body.keypair, false);
  assert.equal(shown.body.keypair.public_key, public_key);
  assert.match(shown.body.keypair.fingerprint, /^([0-9a-f]{2}:){15}[0-9a-f]{2}$/);
  assert.equal('type' in shown.body.keypair, false);
});

test('generates a key pair and returns the private key once', async () => {
  const created = await fixture.ask({
    method: 'POST',
    url,
    headers: version(2),
    payload: { keypair: { name: 'made', type: 'ssh' } },
  });
  const shown = await fixture.ask({ url: `${url}/made`, headers: version(2) });

  assert.equal(created.status, 201);
  assert.match(created.body.keypair.private_key, /^-----BEGIN OPENSSH PRIVATE KEY-----\n/);
  assert.equal(shown.body.keypair.type, 'ssh');
  assert.equal('private_key' in shown.body.keypair, false);
});

test('rejects a name in use, an invalid key, an unsafe name and certificates', async () => {
  const create = async (keypair: object) =>
    (await fixture.ask({ method: 'POST', url, headers: version(2), payload: { keypair } })).status;

  assert.equal(await create({ name: 'mine', public_key }), 409);
  assert.equal(await create({ name: 'other', public_key: 'ssh-rsa nonsense' }), 400);
  assert.equal(await create({ name: 'a/b', public_key }), 400);
  assert.equal(await create({ name: 'cert', type: 'x509' }), 400);
});

test('lists and deletes', async () => {
  const listed = await fixture.ask({ url, headers: version(2) });
  const removed = await fixture.ask({ method: 'DELETE', url: `${url}/made`, headers: version(2) });

  assert.deepEqual(
    listed.body.keypairs.map(({ keypair }: { keypair: { name: string } }) => keypair.name),
    ['made', 'mine'],
  );
  assert.equal(removed.status, 204);
  assert.equal((await fixture.ask({ method: 'DELETE', url: `${url}/made` })).status, 404);
});
