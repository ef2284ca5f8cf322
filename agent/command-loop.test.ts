import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { freePort } from '#test/free-port.ts';
import type { Hello } from '../agent-protocol/messages.ts';
import { CommandLoop, type CommandTable } from './command-loop.ts';
import { readInventory } from './inventory.ts';
import { Log } from './log.ts';
import { ServerLink } from './server-link.ts';
import { StandInServer } from './stand-in-server.ts';

let server: StandInServer;
let stop: AbortController;
let ran: string[];
let log: Log;

const hello: Hello = {
  protocol: 2,
  instance: 'an-instance-of-the-agent',
  agent_version: '1',
  uptime_seconds: 9,
  kernel: '6.1',
  boot_mac: null,
  address: '127.0.0.1',
  inventory: readInventory('/'),
};

const commands: CommandTable = {
  work: async (params, { progress }) => {
    ran.push(`work ${params['on']}`);
    progress({ done_bytes: 5, total_bytes: 5, message: 'all of it' });
    return { result: { on: params['on'] } };
  },
  fail: async () => Promise.reject(new Error('the disk is on fire')),
  leave: async () => ({ result: {}, afterwards: async () => stop.abort() }),
};

beforeEach(() => {
  server = new StandInServer();
  stop = new AbortController();
  ran = [];
  log = new Log(() => {});
});
afterEach(async () => {
  stop.abort();
  await server.close();
});

async function startLoop(url: string, token = server.token) {
  const link = new ServerLink({ url, token }, stop.signal);
  const loop = new CommandLoop({ link, commands, log, signal: stop.signal });
  await loop.hello(() => hello);
  const ended = loop.run().catch(() => {});
  return { ended };
}

const command = (id: string, name: string, params = {}) => ({ id, name, params });

test('runs a command once, and repeats its result on request', async () => {
  server.commands.push(
    command('a', 'work', { on: 1 }),
    command('a', 'work', { on: 1 }),
    command('b', 'work', { on: 2 }),
    command('z', 'leave'),
  );
  const { ended } = await startLoop(await server.listen());
  await ended;
  assert.deepEqual(ran, ['work 1', 'work 2']);
  assert.deepEqual(
    server.heard.result.map(({ command_id, ok, result }) => [command_id, ok, result]),
    [
      ['a', true, { on: 1 }],
      ['a', true, { on: 1 }],
      ['b', true, { on: 2 }],
      ['z', true, {}],
    ],
  );
  assert.deepEqual(server.heard.progress[0], { command_id: 'a', done_bytes: 5, total_bytes: 5, message: 'all of it' });
});

test('reports failures and unknown commands as results', async () => {
  server.commands.push(command('a', 'fail'), command('b', 'sing'), command('z', 'leave'));
  await (await startLoop(await server.listen())).ended;
  assert.deepEqual(
    server.heard.result.map(({ ok, error }) => [ok, error]),
    [
      [false, 'the disk is on fire'],
      [false, 'this agent does not know the command sing'],
      [true, undefined],
    ],
  );
  assert.ok(server.heard.log.some((line) => line.startsWith('command fail failed: the disk is on fire')));
});

test('keeps polling while the server restarts', async () => {
  const port = await freePort();
  await startLoop(await server.listen(port));
  await server.close();
  server = new StandInServer();
  server.commands.push(command('a', 'work', { on: 'after the restart' }));
  await server.listen(port);
  const result = await server.nextResult();
  assert.deepEqual(result.result, { on: 'after the restart' });
});

test('repeats hello until the server knows the token', async () => {
  const url = await server.listen();
  server.token = 'not yet';
  const started = startLoop(url, 'operation.a-token');
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.equal(server.heard.hello.length, 0);
  server.token = 'operation.a-token';
  await started;
  assert.deepEqual(server.heard.hello, [hello]);
});

test('keeps the newest log lines while the server is unreachable', () => {
  for (let line = 0; line < 1500; line += 1) log.info(`line ${line}`);
  const taken: string[] = [];
  for (let lines = log.take(); lines.length > 0; lines = log.take()) {
    assert.ok(lines.length <= 200);
    taken.push(...lines);
  }
  assert.equal(taken.at(-1), 'line 1499');
  assert.ok(taken.length <= 1000);
  log.putBack(['again']);
  assert.deepEqual(log.take(), ['again']);
});
