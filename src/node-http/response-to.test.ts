import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { responseTo } from './response-to.ts';

async function responseOf(t: TestContext, say: (socket: Socket) => void) {
  const server = createServer((socket) => void socket.on('error', () => {}).once('data', () => say(socket))).listen(
    0,
    '127.0.0.1',
  );
  await once(server, 'listening');
  t.after(() => server.close());
  const outgoing = request({ host: '127.0.0.1', port: (server.address() as AddressInfo).port, agent: false });
  const head = responseTo(outgoing);
  outgoing.end();
  return head;
}

test('gives the head of the response', async (t) => {
  const response = await responseOf(t, (socket) => socket.end('HTTP/1.1 204 No Content\r\n\r\n'));

  assert.equal(response.statusCode, 204);
});

test('rejects if the connection ends without one, also by a protocol that was not asked for', async (t) => {
  await assert.rejects(
    responseOf(t, (socket) => socket.end()),
    { code: 'ECONNRESET' },
  );
  const switched = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n';
  await assert.rejects(
    responseOf(t, (socket) => socket.write(switched)),
    /closed without a response/,
  );
});
