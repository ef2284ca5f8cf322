/** Hostile web servers and clients of imports: endless, cut off, and packed data; deletions and aborts at the wrong time. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { access, readdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { after, test } from 'node:test';
import { pino } from 'pino';
import { createImageFiles } from '#images/image-files.ts';
import { aWebServer } from '#test/a-web-server.ts';
import { openApiFixture } from '#test/api-fixture.ts';
import { aQcow2 } from '#test/attack-images.ts';

const mib = 1024 ** 2;
const bomb = execFileSync('zstd', ['-q', '-c'], { input: Buffer.alloc(3 * mib) });
const server = await aWebServer({
  '/endless': (_, reply) => {
    const more = () => {
      while (!reply.destroyed && reply.write(Buffer.alloc(65_536, 1)));
    };
    reply.on('drain', more);
    more();
  },
  '/cut-off': (_, reply) => {
    reply.writeHead(200, { 'content-length': '1000' });
    reply.write('half', () => reply.destroy());
  },
  '/lies': (_, reply) => void reply.writeHead(200, { 'content-length': String(10 * mib) }).flushHeaders(),
  '/odd-length': (_, reply) => void reply.socket?.end('HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\nabc'),
  '/bomb': (_, reply) => void reply.end(bomb),
  '/reset': (_, reply) => void reply.socket?.resetAndDestroy(),
  '/loop': (_, reply) => void reply.writeHead(302, { location: '/loop' }).end(),
});
const log = pino({ level: 'silent' });
const fixture = await openApiFixture({
  settings: {
    'images.upload_stall': '2',
    'images.import_addresses': '127.0.0.1',
    'images.import_ports': new URL(server.url).port,
  },
  images: (store, stateDir) => {
    const directory = join(stateDir, 'images');
    const bounds = { maxBytes: 2 * mib, reserve: 0, stallMs: 2_000 };
    return createImageFiles({ store, directory, log, bounds });
  },
});
after(async () => {
  await fixture.close();
  await server.close();
});
const base = '/image/v2/images';

async function create(disk_format = 'raw'): Promise<string> {
  const payload = { name: 'i', disk_format, container_format: 'bare' };
  return (await fixture.ask({ method: 'POST', url: base, payload })).body.id;
}
const stage = (id: string, payload: Buffer | PassThrough) =>
  fixture.ask({
    ...{ method: 'PUT', url: `${base}/${id}/stage`, payload },
    headers: { 'content-type': 'application/octet-stream' },
  });
const importData = (id: string, method: object) =>
  fixture.ask({ method: 'POST', url: `${base}/${id}/import`, payload: { method } });
const filesOf = (id: string) => readdir(join(fixture.stateDir, 'images', id)).catch(() => []);
const lastTask = async (id: string) => (await fixture.store.image_tasks.list({ image_id: id })).at(-1);
const statusOf = async (id: string) => (await fixture.store.images.find({ id }))?.status;

for (const path of ['endless', 'cut-off', 'lies', 'odd-length', 'bomb', 'reset', 'loop']) {
  test(`a server's ${path} data fails the import and leaves nothing`, async () => {
    const id = await create();
    assert.equal((await importData(id, { name: 'web-download', uri: `${server.url}/${path}` })).status, 202);
    await fixture.imports.idle();

    const task = await lastTask(id);
    assert.deepEqual([task?.status, await statusOf(id), await filesOf(id)], ['failure', 'queued', []], task?.message ?? '');
    assert.ok(task?.message, 'it has a reason');
  });
}

test('staged data with a backing file, or packed too well, is refused at the import', async () => {
  const cases: [string, Buffer, RegExp][] = [
    ['qcow2', aQcow2(1n << 20n, { backing: '/etc/passwd' }), /backing file/],
    ['raw', bomb, /when it is unpacked/],
  ];
  for (const [format, data, message] of cases) {
    const id = await create(format);
    assert.equal((await stage(id, data)).status, 204);
    await importData(id, { name: 'glance-direct' });
    await fixture.imports.idle();
    assert.match((await lastTask(id))?.message ?? '', message);
    assert.deepEqual([await statusOf(id), await filesOf(id)], ['queued', []]);
  }
});

test('of two clients that stage at the same time, one is refused', async () => {
  const id = await create();
  const replies = await Promise.all([stage(id, Buffer.alloc(512)), stage(id, Buffer.alloc(512))]);
  assert.deepEqual(replies.map(({ status }) => status).sort(), [204, 409]);
  assert.deepEqual([await statusOf(id), await filesOf(id)], ['uploading', ['staged']]);
});

test('more staged data than an image may have is refused', async () => {
  const id = await create();
  assert.equal((await stage(id, Buffer.alloc(3 * mib))).status, 413);
  assert.deepEqual([await statusOf(id), await filesOf(id)], ['queued', []]);
});

test('an image deleted while it is staged leaves nothing', async () => {
  const id = await create();
  const data = new PassThrough();
  const staging = stage(id, data);
  data.write('first half');
  while ((await filesOf(id)).length === 0) await new Promise(setImmediate);
  assert.equal((await importData(id, { name: 'glance-direct' })).status, 409, 'it is not complete');

  assert.equal((await fixture.ask({ method: 'DELETE', url: `${base}/${id}` })).status, 204);
  data.end('second half');

  assert.equal((await staging).status, 404);
  await assert.rejects(access(join(fixture.stateDir, 'images', id)), { code: 'ENOENT' });
});

test('a client that disconnects while it stages leaves the image queued', async () => {
  const { hostname, port } = new URL((await fixture.listen()).url);
  const id = await create();
  const socket = connect(Number(port), hostname);
  const token = await fixture.logIn('admin', 'correct horse');
  const head = [
    `PUT ${base}/${id}/stage HTTP/1.1`,
    'Host: x',
    `X-Auth-Token: ${token}`,
    'Content-Type: application/octet-stream',
  ];
  socket.write(`${[...head, 'Transfer-Encoding: chunked', '', ''].join('\r\n')}5\r\nhello\r\n`);
  while ((await filesOf(id)).length === 0) await new Promise(setImmediate);

  socket.destroy();
  await once(socket, 'close');

  while ((await statusOf(id)) !== 'queued' || (await filesOf(id)).length > 0) await new Promise(setImmediate);
});
