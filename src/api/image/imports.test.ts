/** Staged and downloaded image data, and what must not come of them. */
import assert from 'node:assert/strict';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pino } from 'pino';
import { importRulesOf } from '#images/fetch/fetch-rules.ts';
import { createImageFiles, type ImageStore } from '#images/image-files.ts';
import { ImageImports } from '#services/image/imports/image-imports.ts';
import { readSettings } from '#settings.ts';
import { aWebServer } from '#test/a-web-server.ts';
import { createPersonas } from '#test/personas.ts';
import { openRackFixture } from '#test/rack-fixture.ts';

const server = await aWebServer({
  '/kernel': (_, reply) => void reply.end('a kernel'),
  '/empty': (_, reply) => void reply.end(),
  '/gone': (_, reply) => void reply.writeHead(404).end(),
  '/to': ({ url }, reply) => void reply.writeHead(302, { location: decodeURIComponent(url?.split('?')[1] ?? '') }).end(),
  '/never': (_, reply) => void reply.write('a'),
});
const { port } = new URL(server.url);
const log = pino({ level: 'silent' });
const flags = { 'images.import_addresses': '127.0.0.1', 'images.import_ports': port, 'images.reserve_mib': '0' };
let files: ImageStore;
const fixture = await openRackFixture({
  settings: flags,
  images: (store, stateDir) => {
    files = createImageFiles({ store, directory: join(stateDir, 'images'), log });
    return files;
  },
});
after(async () => {
  await fixture.close();
  await server.close();
});
const personas = await createPersonas(fixture);
const headersOf = (wanted: string) => personas.find(({ name }) => name === wanted)!.headers;
const member = headersOf('member of the project');
const other = headersOf('member of the other project');
type Headers = Readonly<Record<string, string>>;
const base = '/image/v2/images';

async function create(fields: object = {}, headers: Headers = member): Promise<string> {
  const payload = { name: 'i', disk_format: 'aki', container_format: 'aki', ...fields };
  const { status, body } = await fixture.ask({ method: 'POST', url: base, payload, headers });
  assert.equal(status, 201, JSON.stringify(body));
  return body.id;
}
const stage = (id: string, data = 'a kernel', headers: Headers = member) =>
  fixture.ask({
    ...{ method: 'PUT', url: `${base}/${id}/stage`, payload: Buffer.from(data) },
    headers: { ...headers, 'content-type': 'application/octet-stream' },
  });
const ask = (id: string, body: object, headers: Headers = member) =>
  fixture.ask({ method: 'POST', url: `${base}/${id}/import`, payload: body, headers });
const direct = (id: string, headers: Headers = member) => ask(id, { method: { name: 'glance-direct' } }, headers);
const download = (id: string, uri: string, headers: Headers = member) =>
  ask(id, { method: { name: 'web-download', uri } }, headers);
const show = async (id: string) => (await fixture.ask({ url: `${base}/${id}`, headers: member })).body;
const tasksOf = async (id: string, headers: Headers = member) =>
  (await fixture.ask({ url: `${base}/${id}/tasks`, headers })).body.tasks;
const dataOf = async (id: string) => String((await fixture.ask({ url: `${base}/${id}/file`, headers: member })).body);
const staged = (id: string) => access(join(fixture.stateDir, 'images', id, 'staged'));

/** Imports what it can, and returns the last task. */
async function ended(id: string) {
  await fixture.imports.idle();
  return (await tasksOf(id))[0];
}

test('imports what was staged', async () => {
  const id = await create();
  const early = await direct(id);
  assert.deepEqual([early.status, early.body.error.code], [409, 409]);

  assert.equal((await stage(id)).status, 204);
  const waiting = await show(id);
  assert.deepEqual([waiting.status, waiting.size, waiting.checksum], ['uploading', 8, null]);
  assert.equal((await fixture.ask({ url: `${base}/${id}/file`, headers: member })).status, 204, 'no data yet');
  assert.equal((await stage(id)).status, 409, 'only once');
  assert.equal((await direct(id)).status, 202);
  const task = await ended(id);

  const image = await show(id);
  assert.deepEqual([image.status, image.size, image.stores, await dataOf(id)], ['active', 8, 'local', 'a kernel']);
  assert.deepEqual([image.os_glance_importing_to_stores, image.os_glance_failed_import], ['', '']);
  assert.deepEqual([task.status, task.type, task.image_id], ['success', 'api_image_import', id]);
  assert.equal(task.input.import_req.method.name, 'glance-direct');
  await assert.rejects(staged(id), { code: 'ENOENT' });
  assert.equal((await direct(id)).status, 409);
});

test('an import is checked like an upload; the image waits for other data then', async () => {
  const id = await create({ disk_format: 'qcow2', container_format: 'bare' });
  await stage(id, 'no qcow2');
  await direct(id);
  const task = await ended(id);

  assert.equal(task.status, 'failure');
  assert.match(task.message, /Image disk_format qcow2 does not match stream data raw/);
  const image = await show(id);
  assert.deepEqual([image.status, image.size, image.os_glance_failed_import], ['queued', null, 'local']);
  await assert.rejects(staged(id), { code: 'ENOENT' });
  assert.equal((await stage(id)).status, 204, 'again');
});

test('imports from a web server', async () => {
  const id = await create();
  assert.equal((await download(id, `http://me:secret@127.0.0.1:${port}/kernel`)).status, 202);
  const task = await ended(id);

  assert.deepEqual([(await show(id)).status, await dataOf(id)], ['active', 'a kernel']);
  assert.equal(task.status, 'success');
  assert.doesNotMatch(JSON.stringify(await fixture.store.image_tasks.list()), /secret/);
});

test('follows redirections, each of which is checked', async () => {
  const id = await create();
  await download(id, `${server.url}/to?${encodeURIComponent(`${server.url}/kernel`)}`);
  assert.equal((await ended(id)).status, 'success');
  for (const place of [
    `http://127.0.0.2:${port}/kernel`,
    `http://[::1]:${port}/kernel`,
    `http://[::ffff:127.0.0.2]:${port}/kernel`,
    'http://127.0.0.1:1/kernel',
    'http://10.0.0.1/kernel',
    'file:///etc/passwd',
    'ftp://127.0.0.1/x',
  ]) {
    const away = await create();
    await download(away, `${server.url}/to?${encodeURIComponent(place)}`);
    const task = await ended(away);
    assert.equal(task.status, 'failure', place);
    assert.match(
      task.message,
      /^Image http:\S+ may not be downloaded, or its server refuses it\.$/,
      'tells nothing of the network',
    );
    assert.equal((await show(away)).status, 'queued');
  }
});

test('refuses URLs of other hosts than public ones', async () => {
  const id = await create();
  const refused = [
    '127.0.0.2',
    '127.2',
    '2130706434',
    '0x7f.2',
    '0.0.0.0',
    '10.0.0.1',
    '172.16.5.5',
    '172.31.255.255',
    '192.168.1.1',
    '100.64.0.1',
    '169.254.169.254',
    '100.100.100.200',
    '198.18.0.1',
    '224.0.0.1',
    '255.255.255.255',
    '[::]',
    '[::1]',
    '[::127.0.0.2]',
    '[::ffff:127.0.0.2]',
    '[::ffff:a00:1]',
    '[64:ff9b::a00:1]',
    '[2002:a00:1::]',
    '[fe80::1]',
    '[fd00::1]',
    '[ff02::1]',
  ].map((host) => `http://${host}:${port}/kernel`);
  const others = [`http://127.0.0.1:22/`, 'https://127.0.0.1/', 'file:///etc/passwd', 'ftp://127.0.0.1/', 'kernel', ''];
  for (const uri of [...refused, ...others]) {
    const { status, body } = await download(id, uri);
    assert.equal(status, 400, uri);
    assert.match(body.error.message, /^URI for web-download does not pass filtering: /);
  }
  assert.equal((await show(id)).status, 'queued');
  assert.deepEqual(await tasksOf(id), []);
});

test('a name is looked up once, and its address is checked', async () => {
  const id = await create();
  const before = server.counts.get('/kernel');
  const rules = importRulesOf(readSettings({ flags: { ...flags, 'images.import_addresses': '127.0.0.7' } }));
  const strict = new ImageImports({ ...parts(), rules });
  await strict.begin(await caller(), await row(id), {
    source: { method: 'web-download', uri: `http://localhost:${port}/kernel` },
    request_id: 'r',
  });
  await strict.idle();

  const [task] = await tasksOf(id);
  assert.deepEqual([task.status, server.counts.get('/kernel')], ['failure', before]);
  assert.match(task.message, /may not be downloaded/);
  await strict.close();
});

test('the provisioning network is refused, also if other private networks are allowed', () => {
  const more = { 'provisioning.cidr': '172.30.0.0/24' };
  const { addresses } = importRulesOf(readSettings({ flags: more })).http;
  assert.equal(addresses.whyForbidden('172.30.0.7', 80), 'an address of the provisioning network');
  assert.equal(addresses.whyForbidden('::ffff:172.30.0.7', 80), 'an address of the provisioning network');
  const allowing = importRulesOf(readSettings({ flags: { ...more, 'images.import_addresses': '10.0.0.0/8' } })).http.addresses;
  assert.equal(allowing.whyForbidden('10.1.2.3', 80), undefined);
  assert.equal(allowing.whyForbidden('172.30.0.7', 80), 'an address of the provisioning network');
  assert.equal(allowing.whyForbidden('93.184.215.14', 80), undefined);
});

test('reports what a server does', async () => {
  for (const path of ['gone', 'empty', 'nowhere']) {
    const id = await create();
    await download(id, `${server.url}/${path}`);
    assert.deepEqual([(await ended(id)).status, (await show(id)).status], ['failure', 'queued'], path);
  }
});

test('of several imports at the same time, one is begun', async () => {
  const id = await create();
  const replies = await Promise.all(Array.from({ length: 5 }, () => download(id, `${server.url}/never`)));
  assert.deepEqual(replies.map(({ status }) => status).sort(), [202, 409, 409, 409, 409]);
  const running = await show(id);
  assert.deepEqual([running.status, running.os_glance_importing_to_stores], ['importing', 'local']);
  assert.equal(running.os_glance_import_task, (await tasksOf(id))[0].id);
  for (const again of [stage(id), direct(id), download(id, `${server.url}/kernel`)]) assert.equal((await again).status, 409);
  const upload = { ...member, 'content-type': 'application/octet-stream' };
  const uploaded = await fixture.ask({ method: 'PUT', url: `${base}/${id}/file`, payload: Buffer.from('x'), headers: upload });
  assert.equal(uploaded.status, 409);

  const removed = await fixture.ask({ method: 'DELETE', url: `${base}/${id}`, headers: member });
  assert.equal(removed.status, 204);
  await fixture.imports.idle();
  const [task] = await fixture.store.image_tasks.list({ image_id: id });
  assert.deepEqual([task?.status, task?.source], ['failure', null]);
  await assert.rejects(access(join(fixture.stateDir, 'images', id)), { code: 'ENOENT' });
});

const parts = () => {
  const settings = readSettings({ flags });
  return { store: fixture.store, images: files, rules: importRulesOf(settings), settings, log };
};
const row = async (id: string) => (await fixture.store.images.find({ id }))!;
const caller = async () => {
  const { project_id = '' } = personas.find(({ name }) => name === 'member of the project') ?? {};
  return { project_id, user_id: 'u', user_name: 'u', project_name: 'p', roles: ['member'], is_admin: false };
};

test('an import that a restart interrupts begins anew', async () => {
  const id = await create();
  const first = new ImageImports(parts());
  const asked = server.asked('/slow');
  server.answer('/slow', (_, reply) => void reply.write('a '));
  await first.begin(await caller(), await row(id), {
    source: { method: 'web-download', uri: `${server.url}/slow` },
    request_id: 'r',
  });
  await asked;
  await first.close();
  assert.deepEqual([(await show(id)).status, (await tasksOf(id))[0].status], ['importing', 'processing']);

  server.answer('/slow', (_, reply) => void reply.end('a kernel'));
  const second = new ImageImports(parts());
  await second.resume();
  await second.idle();
  await second.close();
  assert.deepEqual([(await show(id)).status, (await tasksOf(id))[0].status, await dataOf(id)], ['active', 'success', 'a kernel']);
});

test('an import whose deadline has passed fails at the start, and what was half staged is removed', async () => {
  const late = await create();
  await stage(late);
  const half = await create();
  await fixture.store.images.update({ id: half }, { status: 'uploading' });
  const importing = { status: 'importing', import_task: 'late', import_state: 'running' } as const;
  await fixture.store.images.update({ id: late }, importing);
  const at = '2026-01-01T00:00:00.000Z';
  await fixture.store.image_tasks.insert({
    ...{ id: 'late', image_id: late, status: 'processing', owner: (await caller()).project_id, user_id: 'u', request_id: 'r' },
    ...{ input: {}, source: { method: 'glance-direct' }, result: null, message: '', expires_at: null },
    ...{ created_at: at, updated_at: at, deadline_at: at },
  });

  const next = new ImageImports(parts());
  await next.resume();
  await next.idle();
  await next.close();
  const [task] = await tasksOf(late);
  assert.deepEqual([task.status, task.message], ['failure', 'The import was not completed in time.']);
  assert.deepEqual([(await show(late)).status, (await show(half)).status], ['queued', 'queued']);
  await assert.rejects(staged(late), { code: 'ENOENT' });
});

test('an image whose import is unknown waits for data again after a start', async () => {
  const id = await create();
  await fixture.store.images.update({ id }, { status: 'importing', import_task: 'gone', import_state: 'running' });
  const next = new ImageImports(parts());
  await next.resume();
  await next.close();
  const { status, os_glance_failed_import } = await show(id);
  assert.deepEqual([status, os_glance_failed_import], ['queued', 'local']);
});

test('slow servers of one project do not keep others waiting', async () => {
  const slow = await Promise.all(Array.from({ length: 18 }, () => create()));
  for (const id of slow) assert.equal((await download(id, `${server.url}/never`)).status, 202);
  const id = await create({}, other);

  assert.equal((await download(id, `${server.url}/kernel`, other)).status, 202);
  while ((await row(id)).status !== 'active') await new Promise(setImmediate);

  for (const each of slow) await fixture.ask({ method: 'DELETE', url: `${base}/${each}`, headers: member });
  await fixture.imports.idle();
  await fixture.ask({ method: 'DELETE', url: `${base}/${id}`, headers: other });
});

test('staged data that nobody imports is removed', async () => {
  const [old, fresh] = [await create(), await create()];
  await stage(old);
  await stage(fresh);
  await fixture.store.images.update({ id: old }, { updated_at: '2026-01-01T00:00:00.000Z' });
  await fixture.imports.sweep();

  assert.deepEqual([(await show(old)).status, (await show(fresh)).status], ['queued', 'uploading']);
  await assert.rejects(staged(old), { code: 'ENOENT' });
  await fixture.ask({ method: 'DELETE', url: `${base}/${fresh}`, headers: member });
  await assert.rejects(staged(fresh), { code: 'ENOENT' });
});

test("what a member has staged is not an administrator's when he imports it", async () => {
  const id = await create();
  await stage(id);
  assert.equal((await direct(id, {})).status, 202);
  await fixture.imports.idle();
  assert.deepEqual([(await row(id)).status, (await row(id)).uploaded_by_admin], ['active', false]);
});

test('copies nothing: there is one store', async () => {
  const id = await create();
  assert.equal((await ask(id, { method: { name: 'copy-image' }, stores: ['local'] }, {})).status, 409, 'it has no data');
  await stage(id);
  await direct(id);
  await fixture.imports.idle();

  assert.equal((await ask(id, { method: { name: 'copy-image' } })).status, 403);
  const copy = await ask(id, { method: { name: 'copy-image' } }, {});
  assert.deepEqual([copy.status, copy.body.error.message], [400, "Image is already present at store 'local'"]);
  assert.equal((await ask(id, { method: { name: 'copy-image' }, all_stores: true }, {})).status, 202);
  assert.equal((await tasksOf(id)).length, 1, 'the copy had nothing to do');
});

const refusals: [body: object, status: number, message: RegExp][] = [
  [{}, 400, /Import request requires a 'method' field/],
  [{ method: {} }, 400, /Import request requires a 'name' field/],
  [{ method: { name: 'glance-download' } }, 400, /Unknown import method name 'glance-download'/],
  [{ method: { name: 'glance-direct' }, all_stores: 'yes' }, 400, /'all_stores' must be boolean value only/],
  [{ method: { name: 'web-download', uri: 'http://x.example/' }, stores: ['fast'] }, 409, /Unknown scheme 'fast' found in URI/],
  [{ method: { name: 'web-download', uri: 7 } }, 400, /Invalid input/],
  [{ method: { name: 'web-download', uri: 'x'.repeat(5000) } }, 400, /Invalid input/],
];
test('rejects other requests with the messages of Glance', async () => {
  const id = await create();
  for (const [body, status, message] of refusals) {
    const reply = await ask(id, body);
    assert.deepEqual(
      [reply.status, message.test(reply.body.error.message)],
      [status, true],
      JSON.stringify([body, reply.body]).slice(0, 300),
    );
  }
  const bare = await create({ disk_format: null });
  await stage(bare);
  assert.match((await direct(bare)).body.error.message, /'disk_format' needs to be set before import/);
});

test('others neither stage nor import, and tasks are those of a project', async () => {
  const id = await create({ visibility: 'community' });
  for (const reply of [await stage(id, 'x', other), await direct(id, other), await download(id, `${server.url}/kernel`, other)])
    assert.equal(reply.status, 403);
  await stage(id);
  await direct(id);
  const task = await ended(id);
  assert.deepEqual(await tasksOf(id, other), []);
  const tasks = (headers: Headers, query = '') => fixture.ask({ url: `/image/v2/tasks${query}`, headers });
  assert.equal((await tasks(member)).status, 403);
  const all = (await tasks({}, '?status=success')).body;
  assert.equal(all.first, '/v2/tasks?status=success');
  assert.ok(all.tasks.some((each: { id: string }) => each.id === task.id));
  assert.deepEqual((await fixture.ask({ url: `/image/v2/tasks/${task.id}` })).body, task);
  assert.equal((await tasks({}, '?status=lost')).status, 400);
  const [page] = (await tasks({}, '?limit=1')).body.tasks;
  assert.notEqual((await tasks({}, `?limit=1&marker=${page.id}`)).body.tasks[0]?.id, page.id);
});

test('a project stages a limited number of images', async () => {
  const ids = await Promise.all(Array.from({ length: 22 }, () => create({}, other)));
  const statuses: number[] = [];
  for (const id of ids) statuses.push((await stage(id, 'x', other)).status);

  assert.deepEqual(statuses, [...Array.from({ length: 20 }, () => 204), 413, 413]);
  const refused = await download(ids[20] ?? '', `${server.url}/kernel`, other);
  assert.match(refused.body.error.message, /Resource image_count_uploading is over limit of 20/);
  assert.deepEqual([(await row(ids[20] ?? '')).status, (await row(ids[21] ?? '')).status], ['queued', 'queued']);
});

test('administrators see where the store is and how it writes, others that there is one', async () => {
  const ask = (path: string, headers: Headers) => fixture.ask({ url: `/image/v2/info/${path}`, headers });
  const one = { id: 'local', description: 'The image store of Ingot', default: 'true' };
  const properties = { data_dir: files.directory, chunk_size: 65_536, thin_provisioning: false };

  assert.deepEqual((await ask('stores', member)).body, { stores: [one] });
  assert.equal((await ask('stores/detail', member)).status, 403);
  assert.deepEqual((await ask('stores/detail', headersOf('admin of the project'))).body, {
    stores: [{ ...one, type: 'file', properties, weight: 0 }],
  });
});
