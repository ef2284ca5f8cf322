import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { access } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { after, before, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { pino } from 'pino';
import { createImageFiles } from '#images/image-files.ts';
import type { ImageData } from '#services/image/context.ts';
import { takeUpImages } from '#services/image/data.ts';
import { type ApiFixture, openApiFixture } from '#test/api-fixture.ts';

/** Signals the start and end of each upload. */
const uploads = new EventEmitter();
let fixture: ApiFixture;
let files: ImageData;
let member: { 'x-auth-token': string };
before(async () => {
  const log = pino({ level: 'silent' });
  fixture = await openApiFixture({
    images: (store, stateDir) => {
      files = createImageFiles({ store, directory: join(stateDir, 'images'), log });
      const upload: ImageData['upload'] = async (...args) => {
        uploads.emit('began');
        return files.upload(...args).finally(() => uploads.emit('ended'));
      };
      return {
        directory: files.directory,
        upload,
        read: (...args) => files.read(...args),
        remove: (id) => files.remove(id),
        stage: (...args) => files.stage(...args),
        staged: (id) => files.staged(id),
        unstage: (id) => files.unstage(id),
      };
    },
  });
  member = { 'x-auth-token': await aMember('dave') };
});
after(() => fixture.close());

const base = '/image/v2/images';
const patchType = 'application/openstack-images-v2.1-json-patch';

async function aMember(name: string): Promise<string> {
  const url = '/identity/v3';
  const project = (await fixture.ask({ method: 'POST', url: `${url}/projects`, payload: { project: { name } } })).body.project;
  const user = (await fixture.ask({ method: 'POST', url: `${url}/users`, payload: { user: { name, password: 'secret' } } })).body
    .user;
  await fixture.ask({ method: 'PUT', url: `${url}/projects/${project.id}/users/${user.id}/roles/member` });
  return fixture.logIn(name, 'secret', name);
}

async function anImage(fields: object = {}, headers: object = {}) {
  const payload = { name: 'image', disk_format: 'raw', container_format: 'bare', ...fields };
  const reply = await fixture.ask({ method: 'POST', url: base, payload, headers: { ...headers } });
  assert.equal(reply.status, 201, JSON.stringify(reply.body));
  return reply.body;
}

const upload = (id: string, data: Buffer | Readable, headers: object = {}) =>
  fixture.ask({
    method: 'PUT',
    url: `${base}/${id}/file`,
    payload: data,
    headers: { 'content-type': 'application/octet-stream', ...headers },
  });
const patch = (id: string, operations: object[], headers: object = {}) =>
  fixture.ask({
    method: 'PATCH',
    url: `${base}/${id}`,
    payload: JSON.stringify(operations),
    headers: { 'content-type': patchType, ...headers },
  });
const show = async (id: string) => (await fixture.ask({ url: `${base}/${id}` })).body;

test('stores uploaded data with its checksum, and returns the same', async () => {
  const data = randomBytes(300_000);
  const image = await anImage({ kernel_id: 'k' });
  const parts = [data.subarray(0, 1), data.subarray(1, 200_000), data.subarray(200_000)];

  const stored = await upload(image.id, Readable.from(parts));
  const back = await fixture.app.inject({ url: `${base}/${image.id}/file`, headers: member });
  await patch(image.id, [{ op: 'replace', path: '/visibility', value: 'public' }]);
  const visible = await fixture.app.inject({ url: `${base}/${image.id}/file`, headers: member });

  assert.equal(stored.status, 204);
  assert.equal(back.statusCode, 404, 'not shared');
  assert.deepEqual(visible.rawPayload, data);
  const shown = await show(image.id);
  assert.deepEqual([shown.status, shown.size, shown.kernel_id], ['active', 300_000, 'k']);
  assert.equal(shown.checksum, createHash('md5').update(data).digest('hex'));
  assert.equal(shown.os_hash_value, createHash('sha512').update(data).digest('hex'));
  assert.match(shown.created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  assert.equal((await upload(image.id, Buffer.from('again'))).status, 409, 'data never changes');
});

test('rejects data that does not match its declaration, and keeps the image queued', async () => {
  const image = await anImage({ disk_format: 'qcow2' });
  const bare = await anImage({ disk_format: null });

  const refused = await upload(image.id, Buffer.from('no qcow2'));
  const unset = await upload(bare.id, Buffer.from('x'));

  assert.equal(refused.status, 415);
  assert.match(refused.body.error.message, /^Image disk_format qcow2 does not match stream data raw$/);
  assert.equal((await show(image.id)).status, 'queued');
  assert.match(unset.body.error.message, /disk_format must be set/);
});

test('keeps the image queued if the client disconnects', async () => {
  const { url } = await fixture.listen();
  const image = await anImage();
  const { hostname, port } = new URL(url);
  const token = await fixture.logIn('admin', 'correct horse');
  const socket = connect(Number(port), hostname);
  const head = [
    `PUT ${base}/${image.id}/file HTTP/1.1`,
    'Host: x',
    `X-Auth-Token: ${token}`,
    'Content-Type: application/octet-stream',
  ];
  socket.write(`${[...head, 'Transfer-Encoding: chunked', '', ''].join('\r\n')}5\r\nhello\r\n`);

  await once(uploads, 'began');
  assert.equal((await show(image.id)).status, 'saving');
  const ended = once(uploads, 'ended');
  socket.destroy();
  await ended;
  while ((await show(image.id)).status === 'saving') await setImmediate();

  assert.equal((await show(image.id)).status, 'queued');
  assert.equal((await upload(image.id, Buffer.alloc(512, 'whole'))).status, 204);
});

test('changes an image by JSON patches', async () => {
  const image = await anImage({ a: '1', 'with/slash': 'x' });

  const changed = await patch(image.id, [
    { op: 'replace', path: '/name', value: 'new' },
    { op: 'add', path: '/b', value: '2' },
    { op: 'remove', path: '/with~1slash' },
    { op: 'replace', path: '/tags', value: ['t'] },
    { op: 'replace', path: '/min_disk', value: 3 },
  ]);
  const cases: [object, number][] = [
    [{ op: 'replace', path: '/missing', value: 'x' }, 409],
    [{ op: 'replace', path: '/a', value: 5 }, 400],
    [{ op: 'replace', path: '/min_disk', value: -1 }, 400],
    [{ op: 'replace', path: '/min_disk', value: 1e16 }, 400],
    [{ op: 'replace', path: '/min_ram', value: 2 ** 31 }, 400],
    [{ op: 'replace', path: '/id', value: 'x' }, 403],
    [{ op: 'replace', path: '/status', value: 'active' }, 403],
    [{ op: 'replace', path: '/a/b', value: 'x' }, 400],
    [{ op: 'move', path: '/a' }, 400],
  ];

  assert.equal(changed.status, 200);
  const { name, a, b, tags, min_disk, 'with/slash': slash } = changed.body;
  assert.deepEqual(
    { name, a, b, tags, min_disk, slash },
    { name: 'new', a: '1', b: '2', tags: ['t'], min_disk: 3, slash: undefined },
  );
  for (const [operation, status] of cases)
    assert.equal((await patch(image.id, [operation])).status, status, JSON.stringify(operation));
  await upload(image.id, Buffer.alloc(512, 'data'));
  assert.equal((await patch(image.id, [{ op: 'replace', path: '/disk_format', value: 'aki' }])).status, 403);
});

test('checks who may see, change and delete an image', async () => {
  const own = await anImage({ name: 'own' }, member);
  const hidden = await anImage({ name: 'hidden' });
  const open = await anImage({ name: 'open', visibility: 'public', protected: true });
  const as = (request: object) => fixture.ask({ ...request, headers: member });
  const names = (await as({ url: base })).body.images.map((image: { name: string }) => image.name);

  assert.ok(names.includes('own') && names.includes('open') && !names.includes('hidden'));
  assert.equal((await as({ url: `${base}/${hidden.id}` })).status, 404);
  assert.equal((await as({ method: 'DELETE', url: `${base}/${open.id}` })).status, 403);
  assert.equal((await patch(own.id, [{ op: 'replace', path: '/visibility', value: 'public' }], member)).status, 403);
  assert.equal((await fixture.ask({ method: 'DELETE', url: `${base}/${open.id}` })).status, 403, 'protected');
  assert.equal((await as({ method: 'DELETE', url: `${base}/${own.id}` })).status, 204);
  assert.equal((await fixture.ask({ url: `${base}/${own.id}/file` })).status, 404);
});

test('lists filter, sort and page', async () => {
  for (const [name, kind] of [
    ['l1', 'x'],
    ['l2', 'y'],
    ['l3', 'x'],
  ])
    await anImage({ name, kind, tags: ['list', name] });
  const list = async (query: string) => (await fixture.ask({ url: `${base}?tag=list&${query}` })).body;
  const names = async (query: string) => (await list(query)).images.map((image: { name: string }) => image.name);

  assert.deepEqual(await names('kind=x&sort=name:asc'), ['l1', 'l3']);
  assert.deepEqual(await names('name=in:l1,l2&sort_key=name&sort_dir=desc'), ['l2', 'l1']);
  assert.deepEqual(await names('tag=l2'), ['l2']);
  assert.deepEqual(await names('os_hidden=True'), []);
  assert.deepEqual(await names('visibility=public'), []);
  const page = await list('limit=2&sort=name:asc');
  assert.match(page.next, /^\/v2\/images\?/);
  assert.deepEqual(
    (await fixture.ask({ url: `/image${page.next}` })).body.images.map((image: { name: string }) => image.name),
    ['l3'],
  );
  assert.equal((await fixture.ask({ url: `${base}?sort=colour` })).status, 400);
});

test('leaves nothing of an image deleted during its upload', async () => {
  const image = await anImage();
  const data = new PassThrough();
  const began = once(uploads, 'began');
  const uploading = upload(image.id, data);
  data.write('first half');
  await began;

  const removed = await fixture.ask({ method: 'DELETE', url: `${base}/${image.id}` });
  data.end('second half');

  assert.equal(removed.status, 204);
  assert.equal((await uploading).status, 404);
  assert.equal((await fixture.ask({ url: `${base}/${image.id}` })).status, 404);
  await assert.rejects(access(join(fixture.stateDir, 'images', image.id)), { code: 'ENOENT' });
});

test('completes interrupted deletions and uploads at the start', async () => {
  const saving = await anImage();
  const deleted = await anImage();
  await upload(deleted.id, Buffer.alloc(512, 'data'));
  await fixture.store.images.update({ id: saving.id }, { status: 'saving' });
  await fixture.store.images.update({ id: deleted.id }, { status: 'deleted' });
  assert.equal((await fixture.ask({ url: `${base}/${deleted.id}` })).status, 404);

  await takeUpImages({ store: fixture.store, images: files });

  assert.equal((await show(saving.id)).status, 'queued');
  assert.equal(await fixture.store.images.find({ id: deleted.id }), undefined);
  await assert.rejects(access(join(fixture.stateDir, 'images', deleted.id)), { code: 'ENOENT' });
});

test('does not delete an image of which a server is being built', async () => {
  const image = await anImage();
  const now = new Date().toISOString();
  await fixture.store.servers.insert({
    id: 's',
    name: 's',
    hostname: 's',
    project_id: 'p',
    user_id: 'u',
    flavor: {},
    image_id: image.id,
    metadata: {},
    personality: [],
    tags: [],
    port_ids: [],
    locked: false,
    vm_state: 'building',
    preserve_ephemeral: false,
    created_at: now,
    updated_at: now,
  });

  const refused = await fixture.ask({ method: 'DELETE', url: `${base}/${image.id}` });
  await fixture.store.servers.update({ id: 's' }, { vm_state: 'active' });

  assert.equal(refused.status, 409);
  assert.equal((await fixture.ask({ method: 'DELETE', url: `${base}/${image.id}` })).status, 204);
});

test('the schema describes every attribute', async () => {
  const schema = (await fixture.ask({ url: '/image/v2/schemas/image' })).body;
  const image = await anImage();

  for (const name of Object.keys(image)) assert.ok(name in schema.properties, name);
  assert.equal((await fixture.ask({ url: '/image/v2/schemas/nothing' })).status, 404);
});
