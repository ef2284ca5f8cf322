/** Attacks that a compromised BMC could try. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { startRedfishService } from '#test/a-redfish-service.ts';
import { openRedfishClient, type RedfishLimits } from './client.ts';
import { type Json, RedfishError } from './redfish-client.ts';
import { createEventParser, type ServerEvent } from './server-sent-events.ts';

const path = '/redfish/v1/Systems/1';
const isUnfit = (error: unknown) => error instanceof RedfishError && error.failure === 'unfit';

test('does not follow a link to another host', async (t) => {
  const visitors: Socket[] = [];
  const other = createServer((socket) => void visitors.push(socket)).listen(0, '127.0.0.1');
  await once(other, 'listening');
  t.after(() => other.close());
  const elsewhere = `@127.0.0.1:${(other.address() as AddressInfo).port}/steal`;
  const fixture = await startRedfishService(t, {});
  const client = fixture.open();
  await client.get('/redfish/v1/');

  for (const target of [elsewhere, `.${elsewhere}`, `:1${elsewhere}`, '']) await assert.rejects(client.post(target, {}), isUnfit);
  assert.deepEqual(visitors, []);
});

test('rejects ETags, paths and tokens with odd characters, and adds no header', async (t) => {
  const fixture = await startRedfishService(t, {
    [`GET ${path}`]: { body: { '@odata.etag': '"1"\r\nX-Own: yes', Name: 'x' } },
  });
  const client = fixture.open();
  await assert.rejects(client.patch(path, { AssetTag: 'y' }), isUnfit);
  await assert.rejects(client.get(`${path}\r\nX-Own: yes`), RedfishError);
  assert.equal(
    fixture.asked.some(({ headers }) => 'x-own' in headers),
    false,
  );
});

test('does not quote a password inside a URL from a rejection', async (t) => {
  const url = 'https://me:hun%20ter22@files.example/image.iso';
  const words = [`The value '${url}' is wrong`, 'or hun ter22'].join(' ');
  const fixture = await startRedfishService(t, { [`POST ${path}`]: { status: 400, body: { error: { message: words } } } });
  const error = await fixture
    .open()
    .post(path, { Image: url })
    .catch((each: RedfishError) => each);
  assert.ok(error instanceof RedfishError);
  assert.match(error.message, /files\.example/);
  assert.doesNotMatch(error.message, /ter22/);
});

test('a reply in another protocol ends the request, and the next one is sent', async (t) => {
  const switched = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n';
  const fixture = await startRedfishService(t, {
    [`GET ${path}`]: [{ stream: ({ socket }) => void socket?.write(switched) }, { body: { Name: 'x' } }],
  });
  const client = fixture.open();

  await assert.rejects(client.get(path), /closed without a response/);
  assert.equal((await client.get(path)).body['Name'], 'x');
});

test('gives up an endless stream', async (t) => {
  let reported = 0;
  const fixture = await startRedfishService(t, {
    [`GET ${path}`]: {
      stream(response) {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        const flood = () => {
          while (!response.destroyed && response.write(`data: {"x":"${'y'.repeat(60_000)}"}\n\n`)) reported++;
        };
        response.on('drain', flood);
        flood();
      },
    },
  });
  let heard = 0;
  const stream = await fixture.open().stream(path, () => void heard++);
  await stream.ended;
  assert.ok(heard > 10 && heard < 100, `${heard} of ${reported}`);
});

test('joins a line that arrives in single bytes once', () => {
  const heard: ServerEvent[] = [];
  const parse = createEventParser((event) => void heard.push(event));
  const text = `data: {"x":"${'y'.repeat(900_000)}"}\r\n\r\n`;
  for (const letter of text) parse(letter);
  assert.equal(JSON.stringify(heard[0]?.body).length, 900_008);
});

test('does not parse an excessively nested reply, and ignores brackets in strings', async (t) => {
  const deep = '{"a":'.repeat(200_000);
  const fixture = await startRedfishService(t, {
    [`GET ${path}`]: [
      { text: deep, headers: { 'content-type': 'application/json' } },
      { body: { Name: `\\"${'[{'.repeat(500)}` } },
    ],
  });
  const client = fixture.open();
  await assert.rejects(client.get(path), isUnfit);
  assert.equal((await client.get(path)).body['Name'], `\\"${'[{'.repeat(500)}`);
});

test('does not quote a password from a reply of the service root', async (t) => {
  const fixture = await startRedfishService(t, {
    'GET /redfish/v1/': { status: 500, body: { error: { message: 'you are open sesame, are you not' } } },
  });
  const error = await fixture
    .open()
    .get(path)
    .catch((each: RedfishError) => each);
  assert.ok(error instanceof RedfishError);
  assert.match(error.message, /you are \*\*\*/);
});

/** A collection whose pages always link another one. */
function endless(page: { Members: Json[]; pad?: string }): RequestListener {
  let count = 0;
  return (_, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ ...page, 'Members@odata.nextLink': `/redfish/v1/Pages?at=${count++}` }));
  };
}

async function open(t: TestContext, listener: RequestListener, limits: Partial<RedfishLimits> = {}) {
  const server = createHttpServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = openRedfishClient({ url, user: 'u', password: 'p', auth: 'basic', trust: { by: 'nothing' } }, limits);
  t.after(async () => {
    await client.close();
    server.close();
    server.closeAllConnections();
  });
  return client;
}

test('gives up an endless collection of empty pages, by number and by time', async (t) => {
  const client = await open(t, endless({ Members: [] }));
  await assert.rejects(client.members(path), { failure: 'unfit', message: /more than 2000 pages/ });
  const hurried = await open(t, endless({ Members: [] }), { collectionMs: 50 });
  await assert.rejects(hurried.members(path), { failure: 'answered', message: /not read within 0\.05 s/ });
});

test('limits the total size of pages', async (t) => {
  const client = await open(t, endless({ Members: [{ Name: 'x' }], pad: 'y'.repeat(7 * 1024 * 1024) }));
  await assert.rejects(client.members(path), { failure: 'unfit', message: /more than 67108864 bytes/ });
});
