import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { suite, type TestContext, test } from 'node:test';
import type { Peer } from './datagrams.ts';
import { HostNames } from './host-names.ts';
import { openSharedUdp, type SharedUdpOptions } from './shared-udp.ts';

/** Echoes each packet with the port it came from. */
async function startEcho(t: TestContext, type: 'udp4' | 'udp6' = 'udp4'): Promise<Peer & { socket: Socket }> {
  const socket = createSocket(type);
  socket.on('message', (packet, from) => socket.send(`${packet} ${from.port}`, from.port, from.address));
  socket.bind(0, type === 'udp4' ? '127.0.0.1' : '::1');
  await once(socket, 'listening');
  t.after(() => socket.close());
  return { ...socket.address(), socket };
}

function setUp(t: TestContext, options: SharedUdpOptions = {}) {
  const shared = openSharedUdp({ sockets: 2, ...options });
  t.after(() => shared.close());
  /** Sends one packet and returns the response. */
  const ask = async (peer: Peer, text: string) => {
    const answer = Promise.withResolvers<string>();
    const socket = await shared.connect(peer, (packet) => answer.resolve(String(packet)));
    socket.send(Buffer.from(text));
    return answer.promise;
  };
  return { shared, ask };
}

suite('shared sockets', () => {
  test('serve many peers, each with its own packets', async (t) => {
    const { shared, ask } = setUp(t);
    const echoes = await Promise.all(Array.from({ length: 20 }, () => startEcho(t)));

    const answers = await Promise.all(echoes.map((echo, at) => ask(echo, `to ${at}`)));

    for (const [at, answer] of answers.entries()) assert.match(answer, new RegExp(`^to ${at} `));
    const { sockets, peers, sent, received, unexpected } = shared.stats();
    assert.deepEqual(
      { sockets, peers, sent, received, unexpected },
      { sockets: 2, peers: 20, sent: 20, received: 20, unexpected: 0 },
    );
  });

  test('give several conversations with one peer a port each', async (t) => {
    const { shared, ask } = setUp(t);
    const echo = await startEcho(t);

    const ports = await Promise.all(['a', 'b', 'c'].map(async (text) => (await ask(echo, text)).split(' ')[1]));

    assert.equal(new Set(ports).size, 3);
    assert.equal(shared.stats().sockets, 3);
  });

  test('deliver nothing to a closed connection, nor packets of other senders', async (t) => {
    const { shared } = setUp(t, { sockets: 1 });
    const echo = await startEcho(t);
    const other = createSocket('udp4');
    t.after(() => other.close());
    const heard: string[] = [];
    const first = await shared.connect(echo, (packet) => void heard.push(String(packet)));
    first.send(Buffer.from('early'));
    const [, from] = await once(echo.socket, 'message');
    first.close();
    other.send('forged', from.port, '127.0.0.1');

    const second = Promise.withResolvers<void>();
    const socket = await shared.connect(await startEcho(t), () => second.resolve());
    socket.send(Buffer.from('later'));
    await second.promise;

    assert.deepEqual(heard, []);
    assert.equal(shared.stats().unexpected, 2);
  });

  test('find a peer by name and over IPv6', async (t) => {
    const names = new HostNames({ resolve: async () => ({ address: '127.0.0.1', family: 4 }) });
    const { ask } = setUp(t, { names });
    const echo = await startEcho(t);
    assert.match(await ask({ address: 'bmc.example', port: echo.port }, 'named'), /^named /);

    const six = await startEcho(t, 'udp6');
    assert.match(await ask({ address: '0:0::1', port: six.port }, 'six'), /^six /);
  });

  test('treat a refused port as silence', async (t) => {
    const { shared, ask } = setUp(t, { sockets: 1 });
    const socket = await shared.connect({ address: '127.0.0.1', port: 1 }, () => assert.fail('nobody answers there'));
    socket.send(Buffer.from('anybody?'));

    assert.match(await ask(await startEcho(t), 'still there'), /^still there /);
  });
});
