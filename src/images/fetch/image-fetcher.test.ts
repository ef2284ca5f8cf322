/** Downloads against a hostile web server, with the real image store. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import type { ImageToFetch } from '#domain/image-to-fetch.ts';
import { aStore } from '#test/a-store.ts';
import { aNode, anOperation } from '#test/a-task.ts';
import { aWebServer } from '#test/a-web-server.ts';
import { aQcow2 } from '#test/attack-images.ts';
import { faultOf } from '#test/fault-of.ts';
import { createImageFiles } from '../image-files.ts';
import { AddressRules } from './address-rules.ts';
import { DriveFetcher } from './drive-fetcher.ts';
import { FetchedFiles } from './fetched-files.ts';
import { ImageFetcher } from './image-fetcher.ts';

const folder = await mkdtemp(join(tmpdir(), 'ingot-fetch-'));
const directory = join(folder, 'images');
const store = await aStore();
const server = await aWebServer();
const log = { info() {}, warn() {} };
const space = { folder, reserve: 0 };
const bounds = { maxBytes: 4 * 1024 ** 2, reserve: 0, stallMs: 60_000 };
const files = createImageFiles({ store, directory, log, bounds });
/** Less comes in no time. */
const hasty = createImageFiles({ store, directory, log, bounds: { ...bounds, stallMs: 20 } });
const disk = Buffer.alloc(64 * 1024, 'disk');
const sha256 = createHash('sha256').update(disk).digest('hex');
const { signal } = new AbortController();

after(async () => {
  await Promise.all([server.close(), store.close(), files.close()]);
  await rm(folder, { recursive: true, force: true });
});
before(() => writeFile(join(folder, 'disk.raw'), disk));
afterEach(async () => {
  for (const { id } of await store.fetched_images.list()) await aKeeper().remove(id);
  assert.deepEqual(await readdir(directory).catch(() => []), [], 'nothing is left');
});

function aKeeper({ keepMs = 1000, mostBytes = 2 ** 30 } = {}): FetchedFiles {
  return new FetchedFiles({ store, files, directory, keepMs, mostBytes, space, log });
}

function aFetcher({ allowsMd5 = true, isHasty = false } = {}): ImageFetcher {
  const addresses = new AddressRules({ allowed: ['127.0.0.0/8'], ownPorts: [] });
  const http = { addresses, prefixes: [], authorities: [], stallMs: bounds.stallMs };
  const rules = { http, files: { folders: [folder], refused: [directory] } };
  const parts = { store, files: isHasty ? hasty : files, kept: aKeeper(), drives: new DriveFetcher(rules) };
  return new ImageFetcher({ ...parts, rules, allowsMd5, log });
}

const fetcher = aFetcher();
const wanted = (path: string, more: Partial<ImageToFetch> = {}): ImageToFetch => ({
  ...{ url: server.url + path, use: 'disk', checksum: sha256 },
  ...more,
});
const fetchIt = (path: string, more?: Partial<ImageToFetch>) => fetcher.fetch(wanted(path, more), signal);
const refusal = async (path: string, more?: Partial<ImageToFetch>) => (await faultOf(fetchIt(path, more))).message;
const sending = (body: Buffer | string) => (_: unknown, reply: ServerResponse) => void reply.end(body);

test('twenty deployments share one download, and a later one has it', async () => {
  server.answer('/shared', sending(disk));

  const images = await Promise.all(Array.from({ length: 20 }, () => fetchIt('/shared')));
  const later = await fetchIt('/shared');

  assert.equal(server.counts.get('/shared'), 1);
  assert.equal(new Set([...images, later].map(({ id }) => id)).size, 1);
  assert.deepEqual([later.disk_format, later.size, later.status, later.sha256], ['raw', disk.length, 'active', sha256]);
  assert.ok((await readFile(await files.file(later.id))).equals(disk));
});

test('a deployment that is aborted leaves the download to the others; the last one ends it', async () => {
  let reply: ServerResponse | undefined;
  server.answer('/held', (_, held) => {
    reply = held;
    held.write(disk.subarray(0, 1000));
  });
  const [one, two] = [new AbortController(), new AbortController()];
  const asked = server.asked('/held');
  const first = fetcher.fetch(wanted('/held'), one.signal);
  const second = fetcher.fetch(wanted('/held'), two.signal);
  await asked;

  one.abort(new Error('one'));
  await assert.rejects(first, /one/);
  reply?.end(disk.subarray(1000));

  assert.equal((await second).size, disk.length);
});

test('refuses data that is wrong, cut off, endless or too large, and keeps nothing of it', async () => {
  const endless = (reply: ServerResponse) => {
    while (reply.write(Buffer.alloc(64 * 1024)));
    reply.once('drain', () => endless(reply));
  };
  const cases = [
    [sending(Buffer.alloc(64 * 1024, 'other')), /not what was announced: sha256 .* expected/],
    [sending(''), /is empty/],
    [
      (_: unknown, reply: ServerResponse) =>
        void reply.setHeader('content-length', 100_000).setHeader('connection', 'close').end(disk),
      /Failed to download|not what was/,
    ],
    [(_: unknown, reply: ServerResponse) => reply.destroy(), /Failed to download/],
    [(_: unknown, reply: ServerResponse) => void reply.write(disk, () => reply.destroy()), /Failed to download/],
    [(_: unknown, reply: ServerResponse) => void reply.setHeader('content-length', 2 ** 40).write(disk), /Images may have up to/],
    [(_: unknown, reply: ServerResponse) => endless(reply), /Images may have up to/],
  ] as const;
  for (const [index, [answer, pattern]] of cases.entries()) {
    server.answer(`/bad${index}`, answer);
    assert.match(await refusal(`/bad${index}`), pattern);
    assert.deepEqual(await store.fetched_images.list(), []);
  }
});

test('gives up a server that is slow', async () => {
  server.answer('/slow', (_, reply) => void reply.write('slow'));

  const { message } = await faultOf(aFetcher({ isHasty: true }).fetch(wanted('/slow'), signal));

  assert.match(message, /sends too slowly/);
});

test('takes a format from the contents, which must be that which was declared', async () => {
  const named: Buffer[] = [aQcow2(2n ** 20n, { backing: '/etc/passwd' }), aQcow2(2n ** 20n, { dataFile: '/etc/passwd' })];
  const cases = [
    [Buffer.from('<!doctype html><title>Log in</title>'.padEnd(1024)), undefined, /an HTML page/],
    [gzipSync(Buffer.alloc(2 ** 20)), undefined, /compressed with gzip/],
    [disk, 'qcow2', /disk_format qcow2 does not match stream data raw/],
    [aQcow2(2n ** 20n), 'raw', /disk_format raw does not match stream data qcow2/],
    [named[0] as Buffer, undefined, /backing file/],
    [named[1] as Buffer, undefined, /in another file/],
  ] as const;
  for (const [body, disk_format, pattern] of cases) {
    server.answer('/format', sending(body));
    const checksum = createHash('sha512').update(body).digest('hex');
    assert.match(await refusal('/format', { checksum, ...(disk_format && { disk_format }) }), pattern);
  }
  const good = aQcow2(2n ** 20n);
  server.answer('/good', sending(good));
  const image = await fetchIt('/good', { checksum: createHash('md5').update(good).digest('hex') });
  assert.deepEqual([image.disk_format, image.virtual_size], ['qcow2', 2 ** 20]);
  server.answer('/gpt', sending(disk));
  assert.equal((await fetchIt('/gpt', { disk_format: 'gpt' })).disk_format, 'raw');
});

test('reads checksums from files, and refuses those that are none', async () => {
  server.answer('/release/disk.img', sending(disk));
  server.answer('/release/SHA256SUMS', sending(`${'0'.repeat(64)}  other.img\n${sha256} *disk.img\n`));
  server.answer('/release/endless', (_, reply) => void reply.end(Buffer.alloc(2 * 1024 ** 2)));
  const listed = `${server.url}/release/SHA256SUMS`;

  assert.equal((await fetchIt('/release/disk.img', { checksum: listed })).sha256, sha256);
  assert.match(await refusal('/release/other', { checksum: listed }), /Checksum file does not contain name other/);
  assert.match(await refusal('/release/disk.img', { checksum: `${server.url}/none` }), /Got HTTP code 404/);
  assert.match(await refusal('/release/disk.img', { checksum: `${server.url}/release/endless` }), /more than 1048576 bytes/);
  for (const more of [{ checksum: 'sha256' }, { algorithm: 'sha512' }, { algorithm: 'shake_128' }])
    assert.match(await refusal('/release/disk.img', more), /checksum is invalid or does not match/);
  const md5 = aFetcher({ allowsMd5: false }).fetch(wanted('/release/disk.img', { checksum: 'a'.repeat(32) }), signal);
  assert.match((await faultOf(md5)).message, /images.allow_md5 does not allow/);
});

test('downloads a file without a checksum again only if it has changed', async () => {
  const { checksum: _, ...kernel } = wanted('/initrd', { use: 'ramdisk' });
  let version = 1;
  server.answer('/initrd', ({ headers }, reply) => {
    const etag = `"${version}"`;
    if (headers['if-none-match'] === etag) return void reply.writeHead(304).end();
    return void reply.setHeader('etag', etag).end(gzipSync(`archive ${version}`));
  });

  const [first, same] = [await fetcher.fetch(kernel, signal), await fetcher.fetch(kernel, signal)];
  version = 2;
  const other = await fetcher.fetch(kernel, signal);

  assert.equal(first.id, same.id);
  assert.notEqual(first.id, other.id);
  assert.equal(server.counts.get('/initrd'), 3);
});

test('a file of this host is copied once for each of its versions', async () => {
  const url = pathToFileURL(join(folder, 'disk.raw')).href;
  const { checksum: _, ...local } = { ...wanted(''), url };

  const [first, same] = [await fetcher.fetch(local, signal), await fetcher.fetch(local, signal)];
  await writeFile(join(folder, 'disk.raw'), disk);
  const other = await fetcher.fetch(local, signal);

  assert.deepEqual([first.id === same.id, first.id === other.id], [true, false]);
  assert.match(
    (await faultOf(fetcher.fetch({ ...local, url: 'file:///etc/passwd' }, signal))).message,
    /not permitted in file URLs/,
  );
});

test('a document cannot be had as kernel or ramdisk', async () => {
  server.answer('/secret', sending('user: admin, password: secret'));
  for (const use of ['kernel', 'ramdisk'] as const) {
    const { checksum: _, ...part } = wanted('/secret', { use });
    assert.match((await faultOf(fetcher.fetch(part, signal))).message, /not known as a kernel|no cpio archive/);
  }
});

test('a damaged copy is downloaded again', async () => {
  server.answer('/damaged', sending(disk));
  const first = await fetchIt('/damaged');
  await writeFile(join(directory, first.id, 'data'), 'rot');

  const second = await fetchIt('/damaged');

  assert.notEqual(first.id, second.id);
  assert.ok((await readFile(await files.file(second.id))).equals(disk));
});

test('a restart removes what was incomplete, and the next fetch begins anew', async () => {
  server.answer('/restarted', (_, reply) => void reply.write(disk.subarray(0, 10)));
  const stop = new AbortController();
  const asked = server.asked('/restarted');
  const first = fetcher.fetch(wanted('/restarted'), stop.signal);
  await asked;
  const at = new Date().toISOString();
  const id = crypto.randomUUID();
  await store.fetched_images.insert({ ...{ id, source_key: 'x', name: 'x' }, status: 'incomplete', created_at: at, used_at: at });
  stop.abort(new Error('stopping'));
  await assert.rejects(first, /stopping/);

  const keeper = aKeeper();
  await keeper.start();
  keeper.stop();

  assert.equal(await store.fetched_images.find({ id }), undefined);
  server.answer('/restarted', sending(disk));
  assert.equal((await fetchIt('/restarted')).status, 'active');
});

test('keeps what a deployment uses, and removes what was last used longest ago', async () => {
  server.answer('/a', sending(disk));
  server.answer('/b', sending(disk));
  server.answer('/c', sending(disk));
  const [a, b, c] = [await fetchIt('/a'), await fetchIt('/b'), await fetchIt('/c')];
  for (const [{ id }, hours] of [
    [a, 3],
    [b, 2],
    [c, 0],
  ] as const)
    await store.fetched_images.update({ id }, { used_at: new Date(Date.now() - hours * 3_600_000).toISOString() });
  const node_uuid = (await store.nodes.insert(aNode())).uuid;
  const fetched = { image: { id: a.id, digest: 'x' } };
  const { id } = await store.operations.insert(anOperation({ node_uuid, server_id: null, context: { fetched } }));

  await aKeeper({ keepMs: 10 * 3_600_000, mostBytes: disk.length }).sweep();

  assert.deepEqual((await store.fetched_images.list()).map(({ id }) => id).sort(), [a.id, c.id].sort());
  await store.operations.update({ id }, { state: 'done' });
  await aKeeper({ keepMs: 3_600_000 }).sweep();
  assert.deepEqual(
    (await store.fetched_images.list()).map(({ id }) => id),
    [c.id],
  );
});
