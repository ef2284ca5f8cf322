/** Against a hostile web server, and names that lead to forbidden addresses. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ensureSelfMade } from '#boot-server/self-made-certificate.ts';
import { aWebServer } from '#test/a-web-server.ts';
import { faultOf } from '#test/fault-of.ts';
import { AddressRules } from './address-rules.ts';
import { type HttpRules, openHttpFile, type Validators } from './http-source.ts';

const server = await aWebServer({
  '/image': (_, reply) => void reply.setHeader('etag', '"1"').end('an image'),
  '/who': ({ headers }, reply) => void reply.end(headers.authorization ?? 'nobody'),
  '/gone': (_, reply) => void reply.writeHead(404).end(),
  '/packed': (_, reply) => void reply.setHeader('content-encoding', 'gzip').end('bomb'),
  '/to': ({ url }, reply) => void reply.writeHead(302, { location: decodeURIComponent(url?.split('?')[1] ?? '') }).end(),
  '/loop': (_, reply) => void reply.writeHead(307, { location: '/loop' }).end(),
  '/nowhere': (_, reply) => void reply.writeHead(302).end(),
  '/never': () => {},
  '/switched': ({ socket }) =>
    void socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n'),
});
after(() => server.close());

const loopback = ['127.0.0.0/8'];

function rulesWith(more: Partial<HttpRules> & { allowed?: string[]; ownPorts?: number[] } = {}): HttpRules {
  const addresses = new AddressRules({ allowed: more.allowed ?? loopback, ownPorts: more.ownPorts ?? [] });
  return { prefixes: [], authorities: [], stallMs: 60_000, addresses, ...more };
}

const signal = new AbortController().signal;
const open = (url: string, rules = rulesWith(), known: Validators = {}) => openHttpFile(new URL(url), rules, { signal, known });

async function read(url: string, rules?: HttpRules): Promise<string> {
  const file = await open(url, rules);
  return Buffer.concat(await (file?.stream.toArray() ?? [])).toString();
}

const refusal = async (url: string, rules?: HttpRules) => (await faultOf(open(url, rules))).message;

test('opens a file, with its size, and tells when it has not changed', async () => {
  const file = await open(`${server.url}/image`);

  assert.deepEqual([file?.size, file?.validators], [8, { etag: '"1"' }]);
  assert.equal(Buffer.concat(await (file?.stream.toArray() ?? [])).toString(), 'an image');
  server.answer('/cached', ({ headers }, reply) => void reply.writeHead(headers['if-none-match'] === '"1"' ? 304 : 200).end());
  assert.equal(await open(`${server.url}/cached`, rulesWith(), { etag: '"1"' }), undefined);
});

test('refuses addresses that only this host reaches, in every notation and behind names', async () => {
  const none = rulesWith({ allowed: [] });
  const { port } = new URL(server.url);
  for (const host of [
    '127.0.0.1',
    '127.1',
    '2130706433',
    '0x7f.0.0.1',
    '0.0.0.0',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '[::]',
    'localhost',
  ])
    assert.match(await refusal(`http://${host}:${port}/image`, none), /a loopback address|an address of this host/, host);
  assert.match(await refusal('http://169.254.169.254/latest/meta-data', none), /It is at a link-local address/);
  assert.match(await refusal('http://[fe80::1]/image', none), /a link-local address/);
  assert.match(await refusal('http://[64:ff9b::7f00:1]/image', none), /translated to IPv4/);
  assert.match(await refusal(server.url, rulesWith({ ownPorts: [Number(port)] })), /a port of Ingot/);
});

test('checks each redirection, and follows five at most', async () => {
  const to = (url: string) => `${server.url}/to?${encodeURIComponent(url)}`;

  assert.equal(await read(to('/image')), 'an image');
  assert.match(
    await refusal(to('http://169.254.169.254/')),
    /redirects to http:\/\/169\.254\.169\.254, which is at a link-local/,
  );
  assert.match(await refusal(to('file:///etc/passwd')), /redirects to something other than http/);
  assert.match(await refusal(`${server.url}/loop`), /More than 5 redirections/);
  assert.match(await refusal(`${server.url}/nowhere`), /Got HTTP code 302 instead of 200/);
});

test('ends if the server switches to another protocol', async () => {
  assert.match(await refusal(`${server.url}/switched`), /the connection was closed without a response/);
});

test('allows only URLs below the prefixes of the setting', async () => {
  const below = (prefix: string) => rulesWith({ prefixes: [`${server.url}${prefix}`] });

  assert.equal(await read(`${server.url}/image`, below('/image')), 'an image');
  for (const path of ['/images', '/image/../who', '/image/%2e%2e/who', '/image/..%2fwho'])
    assert.match(await refusal(server.url + path, below('/image')), /not allowed by images.fetch_urls/, path);
  const away = `${server.url}/to?${encodeURIComponent('/image')}`;
  assert.match(await refusal(away, below('/to')), /which is not allowed by images.fetch_urls/);
});

test('sends credentials to the origin of the URL alone, and shows them nowhere', async () => {
  const named = server.url.replace('//', '//user:p%40ss@');
  const other = server.url.replace('127.0.0.1', '127.0.0.2');

  assert.equal(await read(`${named}/who`), `Basic ${Buffer.from('user:p@ss').toString('base64')}`);
  assert.equal(await read(`${named}/to?${encodeURIComponent(`${other}/who`)}`), 'nobody');
  assert.doesNotMatch(await refusal(`${named}/gone?token=abc`), /p%40ss|p@ss|abc/);
});

test('refuses other replies than the file itself', async () => {
  assert.match(await refusal(`${server.url}/gone`), /Got HTTP code 404 instead of 200 in response to GET request/);
  assert.match(await refusal(`${server.url}/packed`), /in the encoding gzip, which was not asked for/);
  assert.match(
    await refusal(`${server.url}/never`, rulesWith({ stallMs: 20 })),
    /Failed to download image .*, reason: no reply in time/,
  );
});

test('names what is no HTTP, and what is not trusted', async () => {
  const noise = createTcpServer((socket) => socket.end('SSH-2.0-OpenSSH\r\n')).listen(0, '127.0.0.1');
  after(() => noise.close());
  await once(noise, 'listening');
  const { port } = noise.address() as { port: number };

  assert.match(await refusal(`http://127.0.0.1:${port}/`), /Failed to download image/);
  assert.match(await refusal(server.url.replace('http:', 'https:')), /Failed to download image/);
});

test('ends with its signal', async () => {
  const stop = new AbortController();
  const opening = openHttpFile(new URL(`${server.url}/never`), rulesWith(), { signal: stop.signal });
  await server.asked('/never');

  stop.abort(new Error('enough'));

  await assert.rejects(opening, /enough/);
});

test('verifies the certificate by the authorities of the system and of the setting', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ingot-tls-'));
  const made = { folder, name: 'web', subject: 'web', address: '127.0.0.1', kind: 'ec', isGood: () => true } as const;
  const certificate = await ensureSelfMade(made);
  const secure = createTlsServer(certificate, ({ url }, reply) => {
    if (url === '/image') reply.end('an image');
    else reply.writeHead(302, { location: server.url }).end();
  }).listen(0, '127.0.0.1');
  await once(secure, 'listening');
  const url = `https://127.0.0.1:${(secure.address() as AddressInfo).port}/image`;

  assert.match(await refusal(url), /self-signed certificate/);
  assert.equal(await read(url, rulesWith({ authorities: [certificate.cert] })), 'an image');
  assert.match(await refusal(`${server.url}/to?${encodeURIComponent(url)}`), /self-signed certificate/);
  assert.match(
    await refusal(url.replace('image', 'other'), rulesWith({ authorities: [certificate.cert] })),
    /from https to http/,
  );
  secure.close();
  secure.closeAllConnections();
  await rm(folder, { recursive: true });
});
