import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect as dial } from 'node:net';
import { Duplex } from 'node:stream';
import { type TestContext, test } from 'node:test';
import fastify from 'fastify';
import { Fault } from '#domain/faults.ts';
import type { TokenPayload } from '#services/identity/tokens.ts';
import { ConsoleTickets, serveConsoles } from './consoles.ts';

const node = '11111111-1111-4111-8111-111111111111';

/** The token of every requester here. */
const token = { user_id: 'u' } as TokenPayload;

/** The API listener with one machine, whose console echoes its input in capitals. */
async function aFixture(t: TestContext, attach = async (_: string): Promise<Duplex> => shoutingLine()) {
  const app = fastify();
  const tickets = new ConsoleTickets();
  const rights = { ended: false };
  serveConsoles(app, { engine: { attachConsole: attach }, tickets, isAllowed: async () => !rights.ended, checkMs: 20 });
  await app.listen({ host: '127.0.0.1', port: 0 });
  t.after(() => app.close());
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

test('what is typed reaches the machine, what it prints comes back, as binary frames', async (t) => {
  const { tickets, base } = await aFixture(t);
  const socket = connect(tickets.issue({ node, token }, base));
  await once(socket, 'open');
  assert.equal(socket.protocol, 'binary');
  socket.send('root\r');
  const [{ data }] = (await once(socket, 'message')) as [{ data: ArrayBuffer }];
  assert.equal(Buffer.from(data).toString(), 'ROOT\r');
  socket.close();
});

test('who leaves hangs up', async (t) => {
  const line = shoutingLine();
  const { tickets, base } = await aFixture(t, async () => line);
  const socket = connect(tickets.issue({ node, token }, base));
  await once(socket, 'open');
  const closed = once(line, 'close');
  socket.close();
  await closed;
});

test('a ticket works once, and a guessed one never', async (t) => {
  const { tickets, base } = await aFixture(t);
  const url = tickets.issue({ node, token }, base);
  const first = connect(url);
  await once(first, 'open');
  first.close();
  for (const bad of [url, `${url}x`, url.replace(/\?.*/, '')]) {
    const socket = connect(bad);
    await once(socket, 'error');
  }
});

test('a console that cannot be opened says why', async (t) => {
  const { tickets, base } = await aFixture(t, async () => {
    throw new Fault('bmcUnreachable', { address: '192.0.2.7', attempts: 3, seconds: 15 });
  });
  const socket = connect(tickets.issue({ node, token }, base));
  const [event] = (await once(socket, 'close')) as [CloseEvent];
  assert.equal(event.code, 1008);
  assert.match(event.reason, /192\.0\.2\.7 did not respond/);
});

test('other upgrades are refused, and the listener closes although somebody looks on', async (t) => {
  const { app, tickets, base } = await aFixture(t);
  await once(connect(`${base.replace('http', 'ws')}/compute`), 'error');
  const socket = connect(tickets.issue({ node, token }, base));
  await once(socket, 'open');
  const closed = once(socket, 'close');
  await app.close();
  await closed;
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

const upgrade = (path: string) => `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`;

test('neither an address that is none nor a client that hangs up ends the process', async (t) => {
  const { tickets, base } = await aFixture(t);
  for (const path of ['//', 'http://[', '/console?%', '/console?token=%ff', '*']) await say(base, upgrade(path));
  await Promise.all(Array.from({ length: 50 }, () => say(base, upgrade('/console?token=x'), { hangsUp: true })));
  const socket = connect(tickets.issue({ node, token }, base));
  await once(socket, 'open');
  socket.close();
});

test("one visitor has so many tickets and windows, and takes nobody else's", async (t) => {
  const { tickets, base } = await aFixture(t);
  const [mine, theirs] = [
    { node, server: 's1', token },
    { node, server: 's2', token },
  ];
  const other = tickets.issue(theirs, base);
  const first = tickets.issue(mine, base);
  for (let count = 0; count < 20; count++) tickets.issue(mine, base);
  assert.equal(tickets.take(new URL(first).searchParams.get('token') ?? ''), undefined);
  for (let count = 0; count < 10; count++) await once(connect(tickets.issue(mine, base)), 'open');
  await once(connect(tickets.issue(mine, base)), 'error');
  const socket = connect(other);
  await once(socket, 'open');
});

test('the engine is told whose visit it is', async (t) => {
  const asked: unknown[] = [];
  const { tickets, base } = await aFixture(t, async (...visit: unknown[]) => {
    asked.push(visit);
    return shoutingLine();
  });
  await once(connect(tickets.issue({ node, server: 's1', token }, base)), 'open');
  assert.deepEqual(asked, [[node, 's1']]);
});

test('a ticket is worth nothing once its token is, and an open console ends with it', async (t) => {
  const line = shoutingLine();
  const { tickets, base, rights } = await aFixture(t, async () => line);
  const unused = tickets.issue({ node, token }, base);
  const socket = connect(tickets.issue({ node, token }, base));
  await once(socket, 'open');

  const hungUp = once(line, 'close');
  rights.ended = true;
  const [{ code }] = (await once(socket, 'close')) as [{ code: number }];

  assert.equal(code, 1008);
  await hungUp;
  await once(connect(unused), 'error');
});
