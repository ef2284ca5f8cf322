/** Config drives from a hostile web server. */
import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { aWebServer } from '#test/a-web-server.ts';
import { faultOf } from '#test/fault-of.ts';
import { configDriveLabel } from '../config-drive.ts';
import { buildIso } from '../iso9660.ts';
import { AddressRules } from './address-rules.ts';
import { DriveFetcher } from './drive-fetcher.ts';

const folder = await mkdtemp(join(tmpdir(), 'ingot-drives-'));
const work = join(folder, 'work');
const server = await aWebServer();
const addresses = new AddressRules({ allowed: ['127.0.0.0/8'], ownPorts: [] });
const http = { addresses, prefixes: [], authorities: [], stallMs: 60_000 };
const drives = new DriveFetcher({ http, files: { folders: [folder], refused: [] } });
const iso = buildIso(configDriveLabel, { 'openstack/latest/user_data': Buffer.from('#!/bin/sh') }, new Date(0));
const { signal } = new AbortController();

after(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(() => rm(work, { recursive: true, force: true }));

const fetchIt = (url = `${server.url}/drive`) => drives.fetch(url, work, signal);
const sending = (body: Buffer | string) => (_: unknown, reply: ServerResponse) => void reply.end(body);

test('takes an image, compressed or not, and base64 of that', async () => {
  const lines = gzipSync(iso)
    .toString('base64')
    .replaceAll(/(.{76})/g, '$1\n');
  for (const body of [iso, gzipSync(iso), iso.toString('base64'), lines]) {
    server.answer('/drive', sending(body));
    assert.ok((await readFile(await fetchIt())).equals(iso));
    await rm(work, { recursive: true });
  }
});

test('is downloaded once for an operation', async () => {
  server.answer('/once', sending(iso));
  for (const _ of [1, 2]) assert.equal(await fetchIt(`${server.url}/once`), join(work, 'config-drive.iso'));

  assert.equal(server.counts.get('/once'), 1);
  assert.deepEqual(await readdir(work), ['config-drive.iso']);
});

test('refuses what is no config drive, too large, cut off or elsewhere, and keeps nothing of it', async () => {
  const endless = (reply: ServerResponse) => {
    while (reply.write(Buffer.alloc(2 ** 20)));
    reply.once('drain', () => endless(reply));
  };
  const bomb = gzipSync(Buffer.alloc(65 * 1024 ** 2), { level: 1 });
  const cases = [
    [sending('{"password": "secret"}'), /no base64/],
    [sending(Buffer.from('a secret').toString('base64')), /neither an ISO 9660 nor a vfat image/],
    [sending(gzipSync(iso).subarray(0, 40)), /gzip data is damaged/],
    [sending(bomb), /at most 64 MiB/],
    [(_: unknown, reply: ServerResponse) => endless(reply), /at most 64 MiB/],
    [(_: unknown, reply: ServerResponse) => void reply.write(iso, () => reply.destroy()), /Failed to download/],
    [(_: unknown, reply: ServerResponse) => void reply.writeHead(403).end(), /Got HTTP code 403/],
  ] as const;
  for (const [answer, pattern] of cases) {
    server.answer('/drive', answer);
    const { message } = await faultOf(fetchIt());
    assert.match(message, pattern);
    assert.doesNotMatch(message, /secret/);
    assert.deepEqual(await readdir(work), []);
  }
  assert.match((await faultOf(fetchIt(`file://${folder}/drive`))).message, /must be at http or https/);
  assert.match((await faultOf(fetchIt('http://169.254.169.254/'))).message, /link-local/);
});
