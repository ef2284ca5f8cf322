/** What an unauthenticated client can do to the API listener by holding connections. */
import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { suite, type TestContext, test } from 'node:test';
import { pino } from 'pino';
import { ConnectionGuard } from '#boot-server/connection-guard.ts';
import { fitConnections } from '#boot-server/connection-limits.ts';
import { type ConnectionLimits, ConnectionTable } from '#boot-server/connection-table.ts';
import { readSettings } from '#settings.ts';
import { type Held, hold } from '#test/a-held-connection.ts';
import { adminPassword, openApiFixture } from '#test/api-fixture.ts';

async function aListener(t: TestContext, limits: ConnectionLimits) {
  const table = new ConnectionTable(limits);
  const fixture = await openApiFixture({ onAuthenticated: (socket) => table.prove(socket) });
  t.after(() => fixture.close());
  new ConnectionGuard(fixture.app.server, table);
  const { url } = await fixture.listen();
  const { port } = fixture.app.server.address() as AddressInfo;
  const logIn = () => {
    const identity = {
      methods: ['password'],
      password: { user: { name: 'admin', domain: { id: 'default' }, password: adminPassword } },
    };
    const body = JSON.stringify({ auth: { identity } });
    return fetch(`${url}/identity/v3/auth/tokens`, { method: 'POST', body, headers: { 'content-type': 'application/json' } });
  };
  return { table, fixture, url, port, logIn };
}

suite('idle connections', () => {
  test('two thousand from one address keep to its share, and others are served', async (t) => {
    const { table, port, logIn } = await aListener(t, { total: 1000, perAddress: 50 });
    const held: Held[] = [];
    // No more at a time than the listener's backlog holds.
    for (let round = 0; round < 20; round++)
      held.push(...(await Promise.all(Array.from({ length: 100 }, () => hold(t, port, { address: '127.0.0.2' })))));
    const reply = await logIn();
    assert.equal(reply.status, 201);
    let ended = 0;
    await new Promise<void>((resolve) => {
      for (const { closed } of held) void closed.then(() => ++ended === 1950 && resolve());
    });
    assert.ok(table.size <= 51, `${table.size} are held`);
  });

  test('a trusted proxy speaks for many clients', async (t) => {
    const { api } = fitConnections(
      readSettings({ flags: { 'api.trusted_proxies': '127.0.0.8/31', 'api.connections_per_address': '5' } }),
      pino({ level: 'silent' }),
    );
    const { table, port } = await aListener(t, api);
    for (let count = 0; count < 20; count++) await hold(t, port, { address: '127.0.0.9' });
    const refused = [];
    for (let count = 0; count < 6; count++) refused.push((await hold(t, port, { address: '127.0.0.10' })).closed);
    await Promise.race(refused);
    assert.equal(table.size, 25);
  });

  test('evicts idle connections for a newcomer when many addresses use all slots', async (t) => {
    const { table, port, logIn } = await aListener(t, { total: 200, perAddress: 50 });
    const addresses = Array.from({ length: 10 }, (_, index) => `127.0.0.${index + 2}`);
    for (const address of addresses) for (let count = 0; count < 20; count++) await hold(t, port, { address });
    assert.equal(table.size, 200);
    assert.equal((await logIn()).status, 201);
    assert.ok(table.size <= 200);
  });

  test('does not evict a connection with a token, and frees the slots of its address later', async (t) => {
    const { table, fixture, url, port } = await aListener(t, { total: 3, perAddress: 3 });
    const token = await fixture.logIn('admin', adminPassword, 'admin');
    const request = `GET /identity/v3/auth/projects HTTP/1.1\r\nHost: x\r\nX-Auth-Token: ${token}\r\n\r\n`;
    const own = await hold(t, port, { address: '127.0.0.9', text: request });
    await new Promise((resolve) => own.socket.once('data', resolve));
    for (const address of ['127.0.0.2', '127.0.0.3', '127.0.0.4', '127.0.0.5']) await hold(t, port, { address });
    const again = await hold(t, port, { address: '127.0.0.9', text: request });
    assert.match(String(await new Promise((resolve) => again.socket.once('data', resolve))), /^HTTP\/1\.1 200/);
    assert.ok(!own.socket.destroyed && own.socket.readable);
    assert.equal(table.size, 3);
    assert.ok(url);
  });
});

suite('closes a connection whose body trickles', () => {
  const upload = (token: string) =>
    `PUT /image/v2/images/11111111-1111-4111-8111-111111111111/file HTTP/1.1\r\nHost: x\r\nX-Auth-Token: ${token}\r\n` +
    'Content-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n';

  const cases: [what: string, text: string, status: number][] = [
    ['an upload without token', upload('no-token'), 401],
    ['an upload to an image that does not exist', upload('TOKEN'), 404],
    ['a post without token', 'POST /compute/v2.1/servers HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{', 401],
    ['a post to nowhere', 'POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{', 404],
    ['a GET with a body', 'GET /identity/v3/users HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{', 401],
  ];
  for (const [what, text, status] of cases) {
    test(`replies to ${what}, and closes the connection without reading the rest`, async (t) => {
      const { fixture, port } = await aListener(t, { total: 10, perAddress: 10 });
      const token = await fixture.logIn('admin', adminPassword, 'admin');
      const held = await hold(t, port, { text: text.replace('TOKEN', token) });
      const heard = await held.closed;
      assert.match(heard, new RegExp(`^HTTP/1\\.1 ${status} `));
      assert.match(heard, /\r\nconnection: close\r\n/i);
      held.socket.destroy();
    });
  }

  test('closes a connection that keeps sending after the reply', async (t) => {
    const { table, port } = await aListener(t, { total: 10, perAddress: 10 });
    const held = await hold(t, port, { text: upload('no-token') });
    await held.closed;
    const gone = new Promise((resolve) => held.socket.once('close', resolve));
    const chunk = `10000\r\n${'x'.repeat(65_536)}\r\n`;
    const send = () => {
      while (!held.socket.destroyed && held.socket.write(chunk));
    };
    held.socket.on('drain', send);
    send();
    await gone;
    assert.equal(table.size, 0);
  });
});

test('closes a connection that does not read its reply, and keeps one that does', async (t) => {
  const { table, fixture, port } = await aListener(t, { total: 10, perAddress: 10 });
  const guard = new ConnectionGuard(fixture.app.server, table);
  const token = await fixture.logIn('admin', adminPassword, 'admin');
  const get = `GET /compute/v2.1/extensions HTTP/1.1\r\nHost: x\r\nX-Auth-Token: ${token}\r\n\r\n`;
  const slow = await hold(t, port, { text: get });
  slow.socket.pause();
  const [connection] = table.sockets();
  assert.ok(connection);
  // More than the socket buffers of both ends hold.
  while (connection.write(Buffer.alloc(4 * 1024 * 1024)) || connection.writableLength < 64 * 1024 * 1024);
  guard.sweep(0);
  guard.sweep(299_000);
  assert.ok(!connection.destroyed);
  guard.sweep(301_000);
  assert.ok(connection.destroyed);
});

test('closes a connection that pipelines requests without reading replies', async (t) => {
  const { port } = await aListener(t, { total: 10, perAddress: 10 });
  const body = JSON.stringify({
    auth: {
      identity: { methods: ['password'], password: { user: { name: 'admin', domain: { id: 'default' }, password: 'x' } } },
    },
  });
  const login = `POST /identity/v3/auth/tokens HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  const held = await hold(t, port, { text: login.repeat(200) });
  const heard = await held.closed;
  assert.ok(heard.split('HTTP/1.1 ').length - 1 <= 32);
});
