import assert from 'node:assert/strict';
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { type AddressInfo, connect as dial } from 'node:net';
import { Duplex } from 'node:stream';
import { type TestContext, test } from 'node:test';
import fastify from 'fastify';
import { Fault } from '#domain/faults.ts';
import { aLastingStore, aStore } from '#test/a-store.ts';
import { aTokenPayload as token } from '#test/a-token-payload.ts';
import { ConsoleTickets } from './console-tickets.ts';
import { serveConsoles } from './consoles.ts';

const node = '11111111-1111-4111-8111-111111111111';

/** The API listener with one machine, whose console echoes its input in capitals. */
async function aFixture(t: TestContext, attach = async (_: string): Promise<Duplex> => shoutingLine()) {
  const app = fastify();
  const store = await aStore();
  const tickets = new ConsoleTickets(store);
  const rights = { ended: false };
  serveConsoles(app, { engine: { attachConsole: attach }, tickets, isAllowed: async () => !rights.ended, checkMs: 20 });
  await app.listen({ host: '127.0.0.1', port: 0 });
  t.after(async () => {
    await app.close();
    await store.close();
  });
  const base = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
  return { app, tickets, base, rights };
}

function shoutingLine(): Duplex {
  return new Duplex({
    read() {},
    write(data: Buffer, _, done) {
      this.push(data.toString().toUpperCase());
      done();
    },
  });
}

function connect(url: string): WebSocket {
  const socket = new WebSocket(url, 'binary');
  socket.binaryType = 'arraybuffer';
  return socket;
}

test('input reaches the machine, and output returns as binary frames', async (t) => {
  const { tickets, base } = await aFixture(t);
  const socket = connect(await tickets.issue({ node, token }, base));
  await once(socket, 'open');
  assert.equal(socket.protocol, 'binary');
  socket.send('root\r');
  const [{ data }] = (await once(socket, 'message')) as [{ data: ArrayBuffer }];
  assert.equal(Buffer.from(data).toString(), 'ROOT\r');
  socket.close();
});

test('closes the console session when the client disconnects', async (t) => {
  const line = shoutingLine();
  const { tickets, base } = await aFixture(t, async () => line);
  const socket = connect(await tickets.issue({ node, token }, base));
  await once(socket, 'open');
  const closed = once(line, 'close');
  socket.close();
  await closed;
});

test('accepts a ticket once, and never a guessed one', async (t) => {
  const { tickets, base } = await aFixture(t);
  const url = await tickets.issue({ node, token }, base);
  const first = connect(url);
  await once(first, 'open');
  first.close();
  for (const bad of [url, `${url}x`, url.replace(/\?.*/, '')]) {
    const socket = connect(bad);
    await once(socket, 'error');
  }
});

test('reports why a console cannot be opened', async (t) => {
  const { tickets, base } = await aFixture(t, async () => {
    throw new Fault('bmcUnreachable', { address: '192.0.2.7', attempts: 3, seconds: 15 });
  });
  const socket = connect(await tickets.issue({ node, token }, base));
  const [event] = (await once(socket, 'close')) as [CloseEvent];
  assert.equal(event.code, 1008);
  assert.match(event.reason, /192\.0\.2\.7 did not respond/);
});

test('rejects other upgrades, and closes the listener despite open consoles', async (t) => {
  const { app, tickets, base } = await aFixture(t);
  await once(connect(`${base.replace('http', 'ws')}/compute`), 'error');
  const socket = connect(await tickets.issue({ node, token }, base));
  await once(socket, 'open');
  const closed = once(socket, 'close');
  await app.close();
  await closed;
});

const tokenOf = (url: string) => new URL(url).searchParams.get('token') ?? '';

test('a ticket outlives a restart, and its text is not in the database', async (t) => {
  const { store, restart } = await aLastingStore(t);
  const grants = [
    { node, token },
    { node, server: 's1', token },
  ];
  const tickets = new ConsoleTickets(store);
  const texts = [];
  for (const grant of grants) texts.push(tokenOf(await tickets.issue(grant, 'http://ingot')));

  const after = await restart();
  const rows = JSON.stringify(await after.console_tickets.list());
  const later = new ConsoleTickets(after);

  for (const text of texts) assert.ok(!rows.includes(text));
  assert.deepEqual(await Promise.all(texts.map((text) => later.take(text))), grants);
  assert.equal(await later.take(texts[0] ?? ''), undefined);
});

test('of two who bring the same ticket at once, one is admitted', async (t) => {
  const store = await aStore();
  t.after(() => store.close());
  const text = tokenOf(await new ConsoleTickets(store).issue({ node, token }, 'http://ingot'));

  const taken = await Promise.all([1, 2, 3].map(() => new ConsoleTickets(store).take(text)));

  assert.equal(taken.filter((grant) => grant !== undefined).length, 1);
});

test('expired tickets open nothing, and the next one removes their rows', async (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: Date.parse('2026-11-29T10:00:00Z') });
  const store = await aStore();
  t.after(() => store.close());
  const tickets = new ConsoleTickets(store);
  const texts = [1, 2].map(() => tickets.issue({ node, token }, 'http://ingot').then(tokenOf));
  const [first] = await Promise.all(texts);

  t.mock.timers.tick(600_001);

  assert.equal(await tickets.take(first ?? ''), undefined);
  await tickets.issue({ node, token }, 'http://ingot');
  assert.equal((await store.console_tickets.list()).length, 1);
});

test('above the limit of all consoles the oldest tickets go', async (t) => {
  const store = await aStore();
  t.after(() => store.close());
  const kept = { node_uuid: node, server_id: null, token, expires_at: '2126-01-01T00:00:00.000Z' };
  for (let count = 0; count < 5; count++) await store.console_tickets.insert({ ...kept, digest: `d${count}` });

  await store.console_tickets.keepNewest(3);

  const left = await store.console_tickets.list({}, { orderBy: 'id' });
  assert.deepEqual(
    left.map(({ digest }) => digest),
    ['d2', 'd3', 'd4'],
  );
});

/** A client that sends one message and, if asked to, closes at once. */
function say(base: string, text: string, { hangsUp = false } = {}): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const socket = dial(Number(new URL(base).port), '127.0.0.1', () => {
    socket.write(text);
    if (hangsUp) socket.resetAndDestroy();
  });
  socket
    .on('error', () => {})
    .on('close', () => resolve())
    .resume();
  return promise;
}

const upgradeHeaders = {
  ...{ connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13' },
  'sec-websocket-key': Buffer.alloc(16).toString('base64'),
};
const upgrade = (path: string) => `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`;

test('survives invalid addresses and clients that disconnect', async (t) => {
  const { tickets, base } = await aFixture(t);
  for (const path of ['//', 'http://[', '/console?%', '/console?token=%ff', '*']) await say(base, upgrade(path));
  await Promise.all(Array.from({ length: 50 }, () => say(base, upgrade('/console?token=x'), { hangsUp: true })));
  const socket = connect(await tickets.issue({ node, token }, base));
  await once(socket, 'open');
  socket.close();
});

test('a ticket that cannot be read opens nothing, and the next one does', async (t) => {
  const { tickets, base } = await aFixture(t);
  const url = await tickets.issue({ node, token }, base);
  const failing = t.mock.method(tickets, 'take', () => Promise.reject(new Error('the disk is full')));
  const [reply] = (await once(get(url.replace(/^ws/, 'http'), { headers: upgradeHeaders }), 'response')) as [IncomingMessage];
  failing.mock.restore();
  const socket = connect(url);
  await once(socket, 'open');
  socket.close();
  assert.equal(reply.statusCode, 503);
});

test('limits tickets and consoles per user without affecting others', async (t) => {
  const { tickets, base } = await aFixture(t);
  const [mine, theirs] = [
    { node, server: 's1', token },
    { node, server: 's2', token },
  ];
  const other = await tickets.issue(theirs, base);
  const first = await tickets.issue(mine, base);
  for (let count = 0; count < 20; count++) await tickets.issue(mine, base);
  assert.equal(await tickets.take(tokenOf(first)), undefined);
  for (let count = 0; count < 10; count++) await once(connect(await tickets.issue(mine, base)), 'open');
  await once(connect(await tickets.issue(mine, base)), 'error');
  const socket = connect(other);
  await once(socket, 'open');
});

test('passes node and server of the ticket to the engine', async (t) => {
  const asked: unknown[] = [];
  const { tickets, base } = await aFixture(t, async (...visit: unknown[]) => {
    asked.push(visit);
    return shoutingLine();
  });
  await once(connect(await tickets.issue({ node, server: 's1', token }, base)), 'open');
  assert.deepEqual(asked, [[node, 's1']]);
});

test('a ticket becomes invalid with its token, which also closes an open console', async (t) => {
  const line = shoutingLine();
  const { tickets, base, rights } = await aFixture(t, async () => line);
  const unused = await tickets.issue({ node, token }, base);
  const socket = connect(await tickets.issue({ node, token }, base));
  await once(socket, 'open');

  const hungUp = once(line, 'close');
  rights.ended = true;
  const [{ code }] = (await once(socket, 'close')) as [{ code: number }];

  assert.equal(code, 1008);
  await hungUp;
  await once(connect(unused), 'error');
});
