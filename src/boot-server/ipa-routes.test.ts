/** The routes of Ironic's own agent, as its HTTP client calls them. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { imageToken } from '#agent-protocol/image-token.ts';
import { readSettings } from '#settings.ts';
import { aRecordingEngine, knownToken } from '#test/a-recording-engine.ts';
import { type BootServer, createBootServer } from './boot-server.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {} } as never;
const engine = aRecordingEngine();
const secret = 'operation-2.a-secret-that-is-not-known';
let state = '';
let server: BootServer;

before(async () => {
  state = await mkdtemp(join(tmpdir(), 'ingot-ipa-routes-'));
  const path = join(state, 'image');
  await writeFile(path, 'abc');
  const file = async () => ({ path, size: 3, sha256: '', virtual_size: 3, data_bytes: 3 });
  const flags = {
    ...{ state_dir: state, 'provisioning.address': '127.0.0.1', 'provisioning.agent_https': 'false' },
    ...{ 'provisioning.http_port': '0', 'provisioning.deploy_helper_port': '0' },
  };
  const images = { disk: file, extents: file };
  server = createBootServer({ settings: readSettings({ flags }), images, log: silent, stateDir: state });
  await server.start(engine);
});
after(async () => {
  await server.stop();
  await rm(state, { recursive: true, force: true });
});
afterEach(() => {
  engine.command = undefined;
  engine.isOverBudget = false;
  engine.heard.length = 0;
  engine.requests.length = 0;
});

const ask = (path: string, init: RequestInit = {}) => fetch(`${server.addresses.http_url}${path}`, init);
const api = (token: string) => `/ipa/${token}`;
const beat = (body: object | string, token = knownToken) =>
  ask(`${api(token)}/v1/heartbeat/node-1`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
const heartbeat = { callback_url: 'https://127.0.0.1:9999', agent_token: 'x', agent_version: '13.0.0' };

test('tells the agent the API version at which it sends its certificate', async () => {
  for (const path of ['', '/', '/v1', '/v1/']) {
    const reply = await ask(`${api(knownToken)}${path}`);
    const { default_version } = (await reply.json()) as { default_version: { version: string } };
    assert.deepEqual([reply.status, default_version.version], [200, '1.68'], path);
  }
});

test('passes lookups and heartbeats on, and answers a heartbeat with 202', async () => {
  assert.equal((await ask(`${api(knownToken)}/v1/lookup?addresses=52:54:00:00:00:01&node_uuid=n`)).status, 404);
  const reply = await beat({ ...heartbeat, agent_verify_ca: 'pem' });
  assert.deepEqual([reply.status, await reply.text()], [202, '']);
  assert.deepEqual(engine.heard, [
    { call: 'ipa lookup', args: [{ addresses: '52:54:00:00:00:01', node_uuid: 'n' }, '127.0.0.1'] },
    { call: 'ipa heartbeat', args: [{ ...heartbeat, agent_verify_ca: 'pem', node_uuid: 'node-1' }, '127.0.0.1'] },
  ]);
});

test('refuses other tokens, too many requests and large bodies in the form that the agent reads', async () => {
  const refusal = await ask(`${api(secret)}/v1/lookup`);
  const { error_message } = (await refusal.json()) as { error_message: { faultstring: string } };
  assert.deepEqual([refusal.status, error_message.faultstring], [401, 'The request you have made requires authentication.']);
  assert.equal((await ask('/ipa/')).status, 401);
  assert.equal((await beat(heartbeat, secret)).status, 401);
  assert.equal((await beat({ ...heartbeat, agent_verify_ca: 'x'.repeat(40_000) })).status, 413);
  assert.equal((await beat({ ...heartbeat, callback_url: 7 })).status, 400);
  assert.equal((await beat('{')).status, 400);
  engine.isOverBudget = true;
  assert.equal((await beat(heartbeat)).status, 429);
  assert.equal(engine.heard.length, 0);
});

test('serves an image to the token in its path while the command names it', async () => {
  const path = '/ipa-images/image';
  const token = imageToken(knownToken, path);
  assert.equal((await ask(`${path}/${token}`)).status, 403);
  engine.command = { id: 'c1', name: 'write-image', params: { path } };
  assert.equal((await ask(`${path}/${imageToken(knownToken, '/ipa-images/other')}`)).status, 401);
  assert.equal(await (await ask(`${path}/${token}`)).text(), 'abc');
});

test('records no token of a path', async () => {
  await ask(`${api(secret)}/v1/lookup`);
  await ask(`${api(secret)}/v1/nothing`);
  await ask(`/ipa-images/image/${secret}`);
  const recorded = JSON.stringify(engine.requests);
  assert.equal(engine.requests.length, 3);
  assert.ok(!recorded.includes('a-secret'), recorded);
  assert.match(recorded, /GET \/ipa\/…\/v1\/lookup/);
  assert.match(recorded, /GET \/ipa-images\/image\/…/);
});
