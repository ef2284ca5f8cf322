/** Deactivated and hidden images, parts of their data, reserved names, other owners. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { pino } from 'pino';
import { createImageFiles } from '#images/image-files.ts';
import { aFlavor } from '#test/a-task.ts';
import { createPersonas } from '#test/personas.ts';
import { openRackFixture } from '#test/rack-fixture.ts';

const log = pino({ level: 'silent' });
const fixture = await openRackFixture({
  images: (store, stateDir) => createImageFiles({ store, directory: join(stateDir, 'images'), log }),
});
after(() => fixture.close());
const personas = await createPersonas(fixture);
const member = personas.find(({ name }) => name === 'member of the project')!;
const reader = personas.find(({ name }) => name === 'reader of the project')!;
const base = '/image/v2/images';
type Headers = Readonly<Record<string, string>>;

async function create(fields: object = {}, headers: Headers = member.headers) {
  const payload = { name: 'i', disk_format: 'aki', container_format: 'aki', ...fields };
  return fixture.ask({ method: 'POST', url: base, payload, headers });
}

async function anUploaded(data: string): Promise<string> {
  const { body } = await create();
  const headers = { ...member.headers, 'content-type': 'application/octet-stream' };
  const { status } = await fixture.ask({ method: 'PUT', url: `${base}/${body.id}/file`, payload: Buffer.from(data), headers });
  assert.equal(status, 204);
  return body.id;
}

const download = (id: string, headers: Headers = {}, who: Headers = member.headers) =>
  fixture.ask({ url: `${base}/${id}/file`, headers: { ...who, ...headers } });
const act = (id: string, action: string, headers: Headers = member.headers) =>
  fixture.ask({ method: 'POST', url: `${base}/${id}/actions/${action}`, headers });
const patch = (id: string, operations: object[], headers: Headers = member.headers) =>
  fixture.ask({
    ...{ method: 'PATCH', url: `${base}/${id}`, payload: JSON.stringify(operations) },
    headers: { ...headers, 'content-type': 'application/openstack-images-v2.1-json-patch' },
  });
const replaceBy = (path: string, value: unknown) => [{ op: 'replace', path, value }];
const statusOf = async (id: string) => (await fixture.store.images.find({ id }))?.status;

test('the data of a deactivated image is for administrators alone', async () => {
  const id = await anUploaded('a kernel');

  assert.equal((await act(id, 'deactivate', reader.headers)).status, 403);
  assert.equal((await act(id, 'deactivate')).status, 204);
  assert.equal((await act(id, 'deactivate')).status, 204, 'again');
  const refused = await download(id);
  assert.equal(refused.status, 403);
  assert.equal(refused.body.error.message, 'The requested image has been deactivated. Image data download is forbidden.');
  const { status, body } = await fixture.ask({ url: `${base}/${id}/file` });
  assert.deepEqual([status, String(body)], [200, 'a kernel']);
  assert.equal((await fixture.ask({ url: `${base}/${id}`, headers: member.headers })).body.status, 'deactivated');
  assert.equal((await act(id, 'reactivate')).status, 204);
  assert.equal((await download(id)).status, 200);
});

test('a deactivated image is not deployed', async () => {
  await fixture.store.flavors.insert(aFlavor());
  const id = await anUploaded('a kernel');
  await act(id, 'deactivate');

  const server = { name: 's', imageRef: id, flavorRef: 'f1', networks: [] };
  const url = '/compute/v2.1/servers';
  for (const headers of [member.headers, {}]) {
    const { status, body } = await fixture.ask({ method: 'POST', url, payload: { server }, headers });
    assert.equal(status, 400);
    assert.match(body.badRequest.message, /its status is deactivated/);
  }
});

test('an image without data is neither deactivated nor reactivated', async () => {
  const { id } = (await create()).body;

  for (const action of ['deactivate', 'reactivate']) {
    const { status, body } = await act(id, action);
    assert.equal(status, 403);
    assert.equal(body.error.message, `Not allowed to ${action} image in status 'queued'`);
  }
  assert.equal(await statusOf(id), 'queued');
});

test('a deactivated image is deleted and changed like another', async () => {
  const id = await anUploaded('a kernel');
  await act(id, 'deactivate');
  assert.equal((await patch(id, replaceBy('/name', 'other'))).body.name, 'other');
  assert.equal((await fixture.ask({ method: 'DELETE', url: `${base}/${id}`, headers: member.headers })).status, 204);
});

const parts: [range: string, status: number, data: string, content?: string][] = [
  ['bytes=0-4', 206, 'abcde', 'bytes 0-4/10'],
  ['bytes=7-', 206, 'hij', 'bytes 7-9/10'],
  ['bytes=-3', 206, 'hij', 'bytes 7-9/10'],
  ['bytes=-30', 206, 'abcdefghij', 'bytes 0-9/10'],
  ['bytes=9-100', 206, 'j', 'bytes 9-9/10'],
  ['bytes=10-', 416, 'Invalid start position in Range header. Start position MUST be in the inclusive range [0, 9].'],
  ['bytes=5-4', 416, 'Invalid Range header.'],
  ['bytes=-0', 416, 'Invalid Range header.'],
  ['bytes=-', 416, 'Invalid Range header.'],
  ['lines=1-2', 416, 'Invalid Range header.'],
  [`bytes=0-${'9'.repeat(400)}`, 416, 'Invalid Range header.'],
  [
    'bytes=0-1,3-4',
    400,
    'Requests with multiple ranges are not supported in Glance. You may make multiple single-range requests instead.',
  ],
];
test('downloads a part of the data', async () => {
  const id = await anUploaded('abcdefghij');
  for (const [range, status, data, content] of parts) {
    const reply = await download(id, { range });
    const shown = status < 300 ? String(reply.body) : reply.body.error.message;
    assert.deepEqual([reply.status, shown, reply.headers['content-range']], [status, data, content], range);
    if (status < 300) assert.equal(Number(reply.headers['content-length']), data.length, range);
  }
  const older = await download(id, { 'content-range': 'bytes 1-3/*' });
  assert.deepEqual([older.status, String(older.body)], [206, 'bcd']);
  assert.equal((await download(id, { 'content-range': 'bytes 1-10/*' })).status, 416);
  assert.equal((await download(id, { 'content-range': 'bytes 1-3/3' })).status, 416);
  const empty = (await create()).body.id;
  assert.equal((await download(empty, { range: 'bytes=0-1' })).status, 204);
});

test('lists leave out hidden images unless they are asked for', async () => {
  const { id } = (await create({ name: 'hidden', os_hidden: true })).body;
  const ids = async (query: string) =>
    (await fixture.ask({ url: `${base}?name=hidden&${query}`, headers: member.headers })).body.images.map(
      (image: { id: string }) => image.id,
    );

  assert.deepEqual([await ids(''), await ids('os_hidden=false'), await ids('os_hidden=True')], [[], [], [id]]);
  assert.equal((await fixture.ask({ url: `${base}/${id}`, headers: member.headers })).body.os_hidden, true);
  assert.equal((await patch(id, replaceBy('/os_hidden', false))).body.os_hidden, false);
  assert.deepEqual(await ids(''), [id]);
  assert.equal((await patch(id, replaceBy('/os_hidden', 'no'))).status, 400);
});

test('rejects reserved names', async () => {
  for (const name of ['os_glance_import_task', 'os_glance', 'location', 'deleted', 'deleted_at']) {
    const refused = await create({ [name]: 'x' });
    assert.equal(refused.status, 403, name);
    assert.equal(refused.body.error.message, `Attribute '${name}' is reserved.`);
    const { id } = (await create()).body;
    for (const op of ['add', 'remove']) assert.equal((await patch(id, [{ op, path: `/${name}`, value: 'x' }])).status, 403);
  }
});

test('what every image has is not removed, and a lone tilde is no pointer', async () => {
  const { id } = (await create()).body;

  for (const name of ['name', 'tags', 'disk_format', 'visibility'])
    assert.equal((await patch(id, [{ op: 'remove', path: `/${name}` }])).status, 403, name);
  assert.equal((await patch(id, [{ op: 'add', path: '/a~2b', value: 'x' }])).status, 400);
});

test('an administrator alone gives an image to another project', async () => {
  const { id } = (await create()).body;
  const operations = replaceBy('/owner', 'another');

  const refused = await patch(id, operations);
  assert.deepEqual([refused.status, refused.body.error.message], [403, "Owner can't be updated by non admin."]);
  assert.equal((await patch(id, operations, {})).body.owner, 'another');
  assert.equal((await fixture.ask({ url: `${base}/${id}`, headers: member.headers })).status, 404);
});

test('locations are neither shown nor changed', async () => {
  const id = await anUploaded('a kernel');
  const location = { url: 'file:///etc/passwd', metadata: {} };
  const cases = [
    [{ op: 'replace', path: '/locations', value: [location] }, 'update'],
    [{ op: 'add', path: '/locations/-', value: location }, 'add'],
    [{ op: 'remove', path: '/locations/0' }, 'remove'],
  ] as const;
  for (const [operation, verb] of cases) {
    const { status, body } = await patch(id, [operation]);
    assert.equal(status, 403);
    assert.equal(body.error.message, `It's not allowed to ${verb} locations if locations are invisible.`);
  }
  const empty = await patch(id, [{ op: 'replace', path: '/locations', value: [] }]);
  assert.equal(empty.body.error.message, 'Cannot set locations to empty list.');
  assert.equal((await create({ locations: [location] })).status, 400);
  const shown = (await fixture.ask({ url: `${base}/${id}`, headers: member.headers })).body;
  assert.deepEqual([shown.locations, shown.direct_url], [undefined, undefined]);
});

test('rejects formats that Ingot does not have, and takes an ISO for what it is', async () => {
  assert.equal((await create({ disk_format: 'ploop' })).status, 400);
  const { body } = await create({ disk_format: 'iso', container_format: 'bare' });
  const headers = { ...member.headers, 'content-type': 'application/octet-stream' };
  const put = (data: Buffer) => fixture.ask({ method: 'PUT', url: `${base}/${body.id}/file`, payload: data, headers });
  assert.match((await put(Buffer.alloc(4096))).body.error.message, /disk_format iso does not match stream data raw/);
  const iso = Buffer.alloc(0x10_000);
  iso.write('CD001', 0x8001, 'latin1');
  assert.equal((await put(iso)).status, 204);
});

test('unpacks a compressed disk, whose size and checksums are those of the disk', async () => {
  const { body } = await create({ disk_format: 'raw', container_format: 'compressed' });
  const disk = Buffer.alloc(100_000, 7);
  const headers = { ...member.headers, 'content-type': 'application/octet-stream' };
  const put = await fixture.ask({ method: 'PUT', url: `${base}/${body.id}/file`, payload: gzipSync(disk), headers });
  assert.equal(put.status, 204, JSON.stringify(put.body));
  const shown = (await fixture.ask({ url: `${base}/${body.id}`, headers: member.headers })).body;
  assert.deepEqual([shown.size, shown.container_format], [disk.length, 'bare']);
  assert.equal(shown.checksum, createHash('md5').update(disk).digest('hex'));
  const reply = await fixture.app.inject({ url: `${base}/${body.id}/file`, headers: member.headers });
  assert.deepEqual(reply.rawPayload, disk);
});

test('shows quotas; there is no cache', async () => {
  const { usage } = (await fixture.ask({ url: '/image/v2/info/usage', headers: member.headers })).body;
  assert.ok(usage.image_count_total.usage > 1 && usage.image_count_total.limit === 1000, JSON.stringify(usage));
  assert.deepEqual(usage.image_count_uploading, { usage: 0, limit: 20 });
  const { status, body } = await fixture.ask({ url: '/image/v2/cache' });
  assert.deepEqual([status, body.error.message], [404, 'Caching via API is not supported at this site.']);
  assert.equal((await fixture.ask({ url: '/image/v2/cache', headers: member.headers })).status, 403);
});

test('the data of an image has no location for others, and gets none', async () => {
  const service = personas.find(({ name }) => name === 'service of the project')!;
  const { body: queued } = await create();
  const active = await anUploaded('data');
  const add = (id: string, headers: Headers = member.headers) =>
    fixture.ask({ method: 'POST', url: `${base}/${id}/locations`, payload: { url: 'http://images.test/i' }, headers });
  const list = (headers: Headers) => fixture.ask({ url: `${base}/${active}/locations`, headers });

  const [refused, late] = [await add(queued.id), await add(active)];

  assert.deepEqual([refused.status, late.status], [403, 409]);
  assert.match(JSON.stringify(refused.body), /http store must be enabled to use location API/);
  assert.match(JSON.stringify(late.body), /not allowed to add locations if image status is active/);
  assert.equal((await add(queued.id, reader.headers)).status, 403);
  assert.equal((await list(member.headers)).status, 403);
  const seen = await list(service.headers);
  assert.deepEqual([seen.status, seen.body], [200, []]);
});
