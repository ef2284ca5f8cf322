/** Agent messages over HTTPS: connections of our own agent, curl and openssl to the listener. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { promisify } from 'node:util';
import { imageToken } from '#agent-protocol/image-token.ts';
import { routes } from '#agent-protocol/routes.ts';
import { readSettings } from '#settings.ts';
import { aRecordingEngine, knownToken } from '#test/a-recording-engine.ts';
import { aHello } from '#test/an-agent.ts';
import { ServerLink } from '../../agent/server-link.ts';
import { type BootServer, createBootServer } from './boot-server.ts';

const run = promisify(execFile);
const silent = { debug() {}, info() {}, warn() {}, error() {} } as never;
const engine = aRecordingEngine();
const file = async () => ({ path: join(state, 'image'), size: 3, sha256: '', virtual_size: 3, data_bytes: 3 });
const images = { disk: file, extents: file };
let state = '';
let server: BootServer;
const stop = new AbortController();

function aServer(flags: Record<string, string> = {}): BootServer {
  const settings = readSettings({
    flags: {
      state_dir: state,
      'provisioning.address': '127.0.0.1',
      'provisioning.http_port': '0',
      'provisioning.https_port': '0',
      'provisioning.deploy_helper_port': '0',
      ...flags,
    },
  });
  return createBootServer({ settings, images, log: silent, stateDir: state });
}

before(async () => {
  state = await mkdtemp(join(tmpdir(), 'ingot-agent-https-'));
  await writeFile(join(state, 'image'), 'abc');
  server = aServer();
  await server.start(engine);
});
after(async () => {
  stop.abort();
  await server.stop();
  await rm(state, { recursive: true, force: true });
});
afterEach(() => {
  engine.command = undefined;
  engine.isOverBudget = false;
  engine.heard.length = 0;
  engine.requests.length = 0;
});

const agentPlace = () => server.addresses.agent as NonNullable<BootServer['addresses']['agent']>;
const link = (certificate = agentPlace().certificate) =>
  new ServerLink({ url: agentPlace().url, token: knownToken, certificate }, stop.signal);

test('puts the fingerprint of the certificate, as openssl computes it, on the kernel command line', async () => {
  const { stdout } = await run('openssl', [
    ...['x509', '-in', join(state, 'agents', 'agents.crt'), '-noout', '-fingerprint', '-sha256'],
  ]);
  assert.equal(stdout.trim().split('=')[1]?.replaceAll(':', '').toLowerCase(), agentPlace().certificate);
});

test('accepts an agent with the right pin over one connection; an agent with another pin sends nothing', async () => {
  const good = link();
  assert.deepEqual(await good.post(routes.hello, aHello()), { node_uuid: 'node-1', session: knownToken });
  await good.post(routes.progress, { command_id: 'c', done_bytes: 1, total_bytes: 2, message: 'm' });
  good.close();
  const heard = engine.heard.length;

  await assert.rejects(
    link('0'.repeat(64)).post(routes.hello, aHello()),
    /has the certificate [0-9a-f]{64}, the kernel line names 0+$/,
  );
  assert.deepEqual([heard, engine.heard.length], [2, 2]);
});

test('serves images by HTTP, and agent messages only by HTTPS', async () => {
  const plain = server.addresses.http_url;
  const headers = { authorization: `Bearer ${knownToken}`, 'content-type': 'application/json' };
  for (const route of [routes.hello, routes.next, routes.log])
    assert.equal((await fetch(plain + route, { method: 'POST', headers, body: '{}' })).status, 404);
  assert.equal((await fetch(plain + routes.configDrive, { headers })).status, 404);

  const path = `${routes.images}/one`;
  engine.command = { id: 'c', name: 'write-image', params: { path } };
  const token = imageToken(knownToken, path);
  assert.equal(await (await fetch(plain + path, { headers: { authorization: `Bearer ${token}` } })).text(), 'abc');
  assert.equal((await fetch(plain + path, { headers })).status, 401);
  const response = await link().get(path, { signal: stop.signal, token, baseUrl: plain });
  assert.equal(response.statusCode, 200);
  response.destroy();
});

test('keeps the certificate over a restart, and serves images only by HTTPS if so configured', async () => {
  const { certificate } = agentPlace();
  await server.stop();
  server = aServer({ 'provisioning.images_by_https': 'true' });
  await server.start(engine);
  assert.equal(agentPlace().certificate, certificate);
  assert.equal(server.addresses.plain_images, false);
  const path = `${routes.images}/one`;
  engine.command = { id: 'c', name: 'write-image', params: { path } };
  const token = imageToken(knownToken, path);
  assert.equal((await fetch(server.addresses.http_url + path, { headers: { authorization: `Bearer ${token}` } })).status, 404);
  const { stdout } = await run('curl', ['-s', '-k', '-H', `authorization: Bearer ${token}`, agentPlace().url + path]);
  assert.equal(stdout, 'abc');
});

test('rejects an agent of the former protocol by HTTP, before reading its body', async () => {
  const reply = await fetch(`${server.addresses.http_url}/agent/v1/hello`, {
    method: 'POST',
    headers: { authorization: `Bearer ${knownToken}`, 'content-type': 'application/json' },
    body: JSON.stringify({ agent_version: '1.0', inventory: 'x'.repeat(500_000) }),
  });
  assert.equal(reply.status, 409);
  assert.match(await reply.text(), /agent of another Ingot version/);
  const newer = link().post(routes.hello, { protocol: 3, something: 'else' });
  await assert.rejects(newer, /409.*agent of another Ingot version/);
});

test('limits the size of messages, and replies 429 without a record beyond the budget', async () => {
  const post = (route: string, body: unknown) =>
    link()
      .post(route, body)
      .then(
        () => 200,
        (error: { status: number }) => error.status,
      );
  const result = { command_id: 'c', ok: true, result: { x: 'x'.repeat(70_000) } };
  const { inventory } = aHello();
  const disk = { device: '/dev/sda', size_bytes: 1, model: 'm', serial: 's', rotational: true, removable: false };
  const disks = Array.from({ length: 300 }, () => ({ ...disk, discard_max_bytes: 0, write_zeroes_max_bytes: 0 }));
  assert.deepEqual(
    [
      await post(routes.progress, { command_id: 'c', done_bytes: 1, total_bytes: 2, message: 'x'.repeat(5000) }),
      await post(routes.progress, { command_id: 'c', done_bytes: 1, total_bytes: 2, message: 'x'.repeat(300) }),
      await post(routes.result, result),
      await post(routes.log, { lines: ['x'.repeat(1001)] }),
      await post(routes.hello, aHello({ kernel: 'x'.repeat(200_000) })),
      await post(routes.hello, aHello({ inventory: { ...inventory, disks } })),
      await post(routes.hello, aHello({ instance: 'short' })),
    ],
    [413, 400, 413, 400, 413, 400, 400],
  );
  assert.equal(engine.heard.length, 0);
  engine.requests.length = 0;
  engine.isOverBudget = true;
  assert.equal(await post(routes.next, { wait_seconds: 0 }), 429);
  assert.equal(engine.requests.length, 0);
});
