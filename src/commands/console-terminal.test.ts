import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { type WebSocket, WebSocketServer } from 'ws';
import { converse, createEscapeFilter, type Terminal } from './console-terminal.ts';

/** A console whose output the test controls, and a terminal at which it types. */
async function aFixture(t: TestContext, greet: (socket: WebSocket) => void = () => {}) {
  const server = createServer();
  const sockets = new WebSocketServer({ server });
  const typed: string[] = [];
  sockets.on('connection', (socket) => {
    socket.on('message', (data) => void typed.push(String(data)));
    greet(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const client of sockets.clients) client.terminate();
    server.close();
  });
  const raw: boolean[] = [];
  const stdin = Object.assign(new PassThrough(), { isTTY: true, setRawMode: (on: boolean) => void raw.push(on) });
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const terminal: Terminal = { stdin, stdout, stderr };
  const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  return { sockets, typed, raw, stdin, stdout, stderr, talk: () => converse(url, terminal) };
}

test('~. disconnects and restores the terminal; early output is shown', async (t) => {
  const { talk, stdin, stdout, stderr, typed, raw } = await aFixture(t, (socket) => socket.send(Buffer.from('login: ')));
  const talking = talk();
  const [greeting] = (await once(stdout, 'data')) as [Buffer];
  await once(stderr, 'data');
  stdin.write('root\r');
  stdin.write('~');
  stdin.write('.');
  assert.equal(await talking, 0);
  assert.equal(String(greeting), 'login: ');
  assert.deepEqual([typed.join(''), raw], ['root\r', [true, false]]);
});

test('the end of the input and a closed terminal disconnect as well', async (t) => {
  for (const end of ['input', 'output'] as const) {
    const { talk, stdin, stdout, stderr, raw } = await aFixture(t);
    const talking = talk();
    await once(stderr, 'data');
    if (end === 'input') stdin.end();
    else stdout.destroy(new Error('EPIPE'));
    assert.equal(await talking, 0);
    assert.deepEqual(raw, [true, false]);
  }
});

test('reports the reason of a closed console, with a failure status', async (t) => {
  const { talk, stderr, raw } = await aFixture(t, (socket) => socket.close(1008, 'not yours'));
  assert.equal(await talk(), 1);
  stderr.end();
  assert.match(await text(stderr), /The console is closed: not yours\./);
  assert.deepEqual(raw.at(-1), false);
});

const cases: [name: string, pieces: string[], sent: string, leaves: boolean][] = [
  ['at the very beginning', ['~.'], '', true],
  ['in pieces', ['ls\r', '~', '.'], 'ls\r', true],
  ['in the midst of a paste', ['ls\r~.rm\r'], 'ls\r', true],
  ['not in a line', ['a~.\r'], 'a~.\r', false],
  ['doubled, for one', ['~~.\r'], '~.\r', false],
  ['before another letter', ['~', 'a'], '~a', false],
  ['held back', ['\n~'], '\n', false],
];
for (const [name, pieces, sent, leaves] of cases) {
  test(`the escape ${name}`, () => {
    const filter = createEscapeFilter();
    const results = pieces.map((piece) => filter(Buffer.from(piece)));
    assert.equal(results.map(({ send }) => send.toString()).join(''), sent);
    assert.equal(
      results.some((result) => result.leaves),
      leaves,
    );
  });
}
