import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { Duplex } from 'node:stream';
import { type TestContext, test } from 'node:test';
import fastify from 'fastify';
import { Fault } from '#domain/faults.ts';
import { ConsoleTickets, serveConsoles } from './consoles.ts';

const node = '11111111-1111-4111-8111-111111111111';

/** The API's listener with one machine, whose line repeats in capitals what is typed. */
async function aStage(t: TestContext, attach = async (_: string): Promise<Duplex> => shoutingLine()) {
  const app = fastify();
  const tickets = new ConsoleTickets();
  serveConsoles(app, { engine: { attachConsole: attach }, tickets });
  await app.listen({ host: '127.0.0.1', port: 0 });
  t.after(() => app.close());
  const base = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
  return { app, tickets, base };
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
  const { tickets, base } = await aStage(t);
  const socket = connect(tickets.issue(node, base));
  await once(socket, 'open');
  assert.equal(socket.protocol, 'binary');
  socket.send('root\r');
  const [{ data }] = (await once(socket, 'message')) as [{ data: ArrayBuffer }];
  assert.equal(Buffer.from(data).toString(), 'ROOT\r');
  socket.close();
});

test('who leaves hangs up', async (t) => {
  const line = shoutingLine();
  const { tickets, base } = await aStage(t, async () => line);
  const socket = connect(tickets.issue(node, base));
  await once(socket, 'open');
  const closed = once(line, 'close');
  socket.close();
  await closed;
});

test('a ticket works once, and a guessed one never', async (t) => {
  const { tickets, base } = await aStage(t);
  const url = tickets.issue(node, base);
  const first = connect(url);
  await once(first, 'open');
  first.close();
  for (const bad of [url, `${url}x`, url.replace(/\?.*/, '')]) {
    const socket = connect(bad);
    await once(socket, 'error');
  }
});

test('a console that cannot be opened says why', async (t) => {
  const { tickets, base } = await aStage(t, async () => {
    throw new Fault('bmcUnreachable', { address: '192.0.2.7', attempts: 3, seconds: 15 });
  });
  const socket = connect(tickets.issue(node, base));
  const [event] = (await once(socket, 'close')) as [CloseEvent];
  assert.equal(event.code, 1008);
  assert.match(event.reason, /192\.0\.2\.7 did not answer/);
});

test('other upgrades are refused, and the listener closes although somebody looks on', async (t) => {
  const { app, tickets, base } = await aStage(t);
  await once(connect(`${base.replace('http', 'ws')}/compute`), 'error');
  const socket = connect(tickets.issue(node, base));
  await once(socket, 'open');
  const closed = once(socket, 'close');
  await app.close();
  await closed;
});
