import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pino } from 'pino';
import { createImageFiles } from '#images/image-files.ts';
import { openApiFixture } from '#test/api-fixture.ts';

/** More than any disk has: members have no space left. */
const fixture = await openApiFixture({
  settings: { 'images.reserve_mib': String(2 ** 32) },
  images: (store, stateDir) => createImageFiles({ store, directory: join(stateDir, 'images'), log: pino({ level: 'silent' }) }),
});
after(() => fixture.close());

const password = 'a long password';
const { project } = (await fixture.ask({ method: 'POST', url: '/identity/v3/projects', payload: { project: { name: 'p' } } }))
  .body;
const { user } = (
  await fixture.ask({
    method: 'POST',
    url: '/identity/v3/users',
    payload: { user: { name: 'mallory', password, default_project_id: project.id } },
  })
).body;
await fixture.ask({ method: 'PUT', url: `/identity/v3/projects/${project.id}/users/${user.id}/roles/member` });
const headers = { 'x-auth-token': await fixture.logIn('mallory', password, 'p') };
const credentials = `/identity/v3/users/${user.id}/application_credentials`;
const as = (method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', url: string, payload?: object) =>
  fixture.ask({ method, url, headers, ...(payload && { payload }) });

test('below the reserve each service rejects writes of members with its own message', async () => {
  const { body: image } = await fixture.ask({ method: 'POST', url: '/image/v2/images', payload: { owner: project.id } });
  const text = /no space left/i;

  const identity = await as('POST', credentials, { application_credential: { name: 'one' } });
  const compute = await as('POST', '/compute/v2.1/os-keypairs', { keypair: { name: 'one' } });
  const images = await as('POST', '/image/v2/images', { name: 'one', p: 'x'.repeat(65_000) });
  const tag = await as('PUT', `/image/v2/images/${image.id}/tags/one`);
  const upload = await fixture.ask({
    ...{ method: 'PUT', url: `/image/v2/images/${image.id}/file`, payload: Buffer.alloc(1000) },
    headers: { ...headers, 'content-type': 'application/octet-stream' },
  });
  const network = await as('POST', '/network/v2.0/networks', { network: { name: 'one' } });
  const baremetal = await as('PATCH', '/baremetal/v1/nodes/one', [{ op: 'add', path: '/extra/a', value: 'b' }]);

  assert.deepEqual([identity.status, identity.body.error.code], [507, 507]);
  assert.deepEqual([compute.status, compute.body.computeFault.code], [507, 507]);
  assert.deepEqual([images.status, images.body.error.code, tag.status, upload.status], [413, 413, 413, 413]);
  assert.deepEqual([network.status, network.body.NeutronError.type], [507, 'HTTPInternalServerError']);
  assert.deepEqual([baremetal.status, JSON.parse(baremetal.body.error_message).faultcode], [507, 'Server']);
  for (const { message } of [identity.body.error, compute.body.computeFault, images.body.error, network.body.NeutronError])
    assert.match(message, text);
  assert.equal((await fixture.store.networks.list({ project_id: project.id })).length, 0);
});

test('below the reserve members can log in, read and delete, and administrators can write', async () => {
  const owned = { owner: project.id, visibility: 'private' };
  const made = await fixture.ask({ method: 'POST', url: '/image/v2/images', payload: owned });
  const url = `/image/v2/images/${made.body.id}`;

  const login = await fixture.logIn('mallory', password, 'p');
  const read = await as('GET', url);
  const removed = await as('DELETE', url);

  assert.equal(made.status, 201);
  assert.ok(login);
  assert.deepEqual([read.status, removed.status], [200, 204]);
  assert.equal((await as('GET', url)).status, 404);
});
