/** The provisioning listener and the deploy helper over loopback. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { promisify } from 'node:util';
import { deflateSync, gzipSync } from 'node:zlib';
import { imageToken } from '#agent-protocol/image-token.ts';
import type { BootPlan } from '#drivers/interfaces.ts';
import { readSettings } from '#settings.ts';
import { aRecordingEngine, knownToken } from '#test/a-recording-engine.ts';
import { aHello } from '#test/an-agent.ts';
import { type BootServer, createBootServer } from './boot-server.ts';
import { createDeployHelper } from './deploy-helper.ts';
import { openListener } from './listeners.ts';
import { MachineAddresses } from './machine-addresses.ts';
import { Plans } from './plans.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {} } as never;
const imageBytes = Buffer.from(Array.from({ length: 3_000_000 }, (_, index) => index % 251));
const engine = aRecordingEngine();
let state = '';
let server: BootServer;
const events: { token: string; body: unknown }[] = [];
const eventTaker = (token: string) => (token === 'known' ? (body: unknown) => void events.push({ token, body }) : undefined);

const loopback = {
  'provisioning.address': '127.0.0.1',
  'provisioning.http_port': '0',
  'provisioning.agent_https': 'false',
  'provisioning.deploy_helper_port': '0',
};

const plan: BootPlan = {
  node_uuid: 'node-1',
  folder: 'server-1',
  macs: [{ mac: '52:54:00:00:00:01', address: '127.0.0.1' }],
  firmware: 'ipxe',
  files: [{ name: 'deploy_kernel', content: '0123456789' }],
  ipxe_script: '#!ipxe\nboot\n',
};

before(async () => {
  state = await mkdtemp(join(tmpdir(), 'ingot-boot-http-'));
  await writeFile(join(state, 'image'), imageBytes);
  const extents = async (id: string) => ({
    path: join(state, id),
    size: imageBytes.length,
    sha256: '',
    virtual_size: 0,
    data_bytes: 0,
  });
  const flags = { ...loopback, state_dir: state };
  server = createBootServer({
    settings: readSettings({ flags }),
    images: { disk: extents, extents },
    log: silent,
    stateDir: state,
    eventTaker,
  });
  await server.start(engine);
  await server.publish(plan);
});
after(async () => {
  await server.stop();
  await rm(state, { recursive: true, force: true });
});
afterEach(() => {
  engine.command = undefined;
  engine.heard.length = 0;
  engine.requests.length = 0;
});

const get = (path: string, headers: Record<string, string> = {}) => fetch(server.addresses.http_url + path, { headers });
const asAgent = { authorization: `Bearer ${knownToken}` };
const forImage = (id: string) => ({ authorization: `Bearer ${imageToken(knownToken, `/agent/v2/images/${id}`)}` });
const post = (path: string, body: unknown, headers: Record<string, string> = asAgent) =>
  fetch(server.addresses.http_url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });

test('serves the script of a MAC, in both spellings', async () => {
  for (const mac of ['52:54:00:00:00:01', '52-54-00-00-00-01', '52-54-00-00-00-01'.toUpperCase()]) {
    const reply = await get(`/boot/ipxe/${mac}`);
    assert.equal(await reply.text(), plan.ipxe_script);
  }
  assert.equal((await get('/boot/ipxe/52:54:00:00:00:99')).status, 404);
  // iPXE identifies an InfiniBand port by its whole address or its GUID.
  for (const port of ['80-00-00-48-fe-80-00-00-00-00-00-00-52-54-00-03-00-00-00-01', '52-54-00-03-00-00-00-01'])
    assert.equal(await (await get(`/boot/ipxe/${port}`)).text(), plan.ipxe_script);
  assert.equal(engine.requests[0]?.mac, '52:54:00:00:00:01');
  assert.equal(engine.requests[0]?.kind, 'http');
});

test('accepts the report of a failed disk boot, in both spellings of the MAC', async () => {
  for (const mac of ['52:54:00:00:00:01', '52-54-00-00-00-01']) assert.equal((await get(`/boot/disk-failed/${mac}`)).status, 200);
  assert.equal((await get('/boot/disk-failed/52:54:00:00:00:99')).status, 404);
  const reported = engine.requests.filter(({ subject }) => subject === 'disk failed');
  assert.deepEqual(
    reported.map(({ kind, mac, subject }) => [kind, mac, subject]),
    Array.from({ length: 2 }, () => ['http', '52:54:00:00:00:01', 'disk failed']),
  );
});

test('serves boot files whole and in ranges, and none outside of a plan', async () => {
  const whole = await get('/boot/files/server-1/deploy_kernel');
  assert.equal(whole.headers.get('content-length'), '10');
  assert.equal(await whole.text(), '0123456789');
  const cases = { 'bytes=2-4': '234', 'bytes=7-': '789', 'bytes=-2': '89', 'bytes=8-99': '89' };
  for (const [range, expected] of Object.entries(cases)) {
    const part = await get('/boot/files/server-1/deploy_kernel', { range });
    assert.equal(part.status, 206);
    assert.equal(await part.text(), expected);
  }
  const beyond = await get('/boot/files/server-1/deploy_kernel', { range: 'bytes=10-' });
  assert.equal(beyond.status, 416);
  assert.equal(beyond.headers.get('content-range'), 'bytes */10');
  assert.equal((await get('/boot/files/server-1/deploy_kernel', { range: 'bytes=4-2' })).status, 200);
  for (const path of [
    'server-1/other',
    '..%2f..%2fboot%2fplans/node-1.json',
    'server-1/..%2fserver-1%2fdeploy_kernel',
    '%2e%2e/plans',
  ])
    assert.equal((await get(`/boot/files/${path}`)).status, 404);
  assert.deepEqual(engine.requests[0]?.data, { total: 10 });
  assert.equal(engine.requests[0]?.message, 'started fetching /boot/files/server-1/deploy_kernel over HTTP');
  const ended = engine.requests.find(({ data }) => data?.['complete'] !== undefined);
  assert.deepEqual(ended?.data, { bytes: 10, total: 10, complete: true });
  assert.equal(typeof ended?.duration_ms, 'number');
});

test('HEAD replies with the size of the GET, as UEFI HTTP boot requires, and is refused like it', async () => {
  await writeFile(join(state, 'boot', 'tftp', 'snponly.efi'), 'a loader');
  const head = (path: string, headers = {}) => fetch(server.addresses.http_url + path, { method: 'HEAD', headers });
  for (const [path, length] of [
    ['/boot/files/server-1/deploy_kernel', '10'],
    ['/boot/firmware/snponly.efi', '8'],
  ] as const) {
    for (const headers of [{}, { range: 'bytes=2-4' }]) {
      const reply = await head(path, headers);
      assert.deepEqual([reply.status, reply.headers.get('content-length')], [200, length]);
      assert.equal(reply.headers.get('accept-ranges'), 'bytes');
      assert.equal(await reply.text(), '');
    }
    assert.equal((await get(path, { range: 'bytes=0-1' })).headers.get('content-length'), '2');
  }
  assert.equal((await head('/boot/files/server-1/other')).status, 404);
});

test('serves nothing of the public API', async () => {
  for (const path of ['/', '/identity/v3', '/baremetal/v1/nodes', '/compute/v2.1']) assert.equal((await get(path)).status, 404);
});

test('refuses an agent without a known token', async () => {
  for (const headers of [{}, { authorization: 'Bearer wrong' }, { authorization: `Basic ${knownToken}` }] as Record<
    string,
    string
  >[]) {
    assert.equal((await post('/agent/v2/next', { wait_seconds: 0 }, headers)).status, 401);
    assert.equal((await get('/agent/v2/images/image', headers)).status, 401);
    assert.equal((await get('/agent/v2/config-drive', headers)).status, 401);
  }
  assert.equal(engine.heard.length, 0);
  assert.ok(!JSON.stringify(engine.requests).includes('wrong'));
});

test('passes valid messages of the agent to the engine, and rejects malformed ones', async () => {
  const hello = aHello({ address: '127.0.0.1' });
  const reply = await post('/agent/v2/hello', hello);
  assert.deepEqual(await reply.json(), { node_uuid: 'node-1', session: knownToken });
  assert.deepEqual(engine.heard[0], { call: 'hello', args: [hello, '127.0.0.1'] });
  assert.equal((await post('/agent/v2/hello', { ...hello, inventory: { disks: 'all' } })).status, 400);
  assert.equal((await post('/agent/v2/progress', { command_id: 'c', done_bytes: 1, total_bytes: 2, message: '' })).status, 204);
  assert.equal((await post('/agent/v2/progress', { command_id: 'c', done_bytes: '1', total_bytes: 2, message: '' })).status, 400);
  assert.equal((await post('/agent/v2/result', { command_id: 'c', ok: true, result: { seconds: 1 } })).status, 204);
  assert.equal((await post('/agent/v2/log', { lines: ['a', 'b'] })).status, 204);
  assert.equal((await post('/agent/v2/log', { lines: Array.from({ length: 201 }, () => 'x') })).status, 400);
  assert.equal((await post('/agent/v2/log', { lines: ['x'.repeat(1024 * 1024)] })).status, 413);
  assert.deepEqual(
    engine.heard.map(({ call }) => call),
    ['hello', 'progress', 'result', 'log'],
  );
});

test('returns the next command at once, nothing after the timeout, and stops waiting when the client disconnects', async () => {
  assert.equal((await post('/agent/v2/next', { wait_seconds: 0 })).status, 204);
  engine.command = { id: 'c1', name: 'clean', params: {} };
  assert.deepEqual(await (await post('/agent/v2/next', { wait_seconds: 30 })).json(), engine.command);
  engine.command = undefined;
  const polling = httpRequest(`${server.addresses.http_url}/agent/v2/next`, {
    method: 'POST',
    headers: { ...asAgent, 'content-type': 'application/json' },
  });
  polling.on('error', () => {});
  polling.end(JSON.stringify({ wait_seconds: 9999 }));
  while (engine.heard.length < 3) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(engine.heard[2], { call: 'next', args: [30_000] });
  polling.destroy();
  while (engine.hungUp === 0) await new Promise((resolve) => setImmediate(resolve));
});

test('serves an image only to the agent commanded to write it, and records its start and end', async () => {
  assert.equal((await get('/agent/v2/images/image', forImage('image'))).status, 403);
  engine.command = { id: 'c1', name: 'write-image', params: { path: '/agent/v2/images/image' } };
  assert.equal((await get('/agent/v2/images/other', forImage('other'))).status, 403);
  engine.requests.length = 0;
  const reply = await get('/agent/v2/images/image', forImage('image'));
  assert.equal(reply.headers.get('content-length'), String(imageBytes.length));
  assert.ok(imageBytes.equals(Buffer.from(await reply.arrayBuffer())));
  assert.deepEqual(
    engine.requests.map(({ message }) => message.replace(/\/\S+/, 'it')),
    ['started fetching it over HTTP', `fetched it over HTTP: ${imageBytes.length} bytes`],
  );
});

test('records a transfer aborted by the machine as such', async () => {
  engine.command = { id: 'c1', name: 'write-image', params: { path: '/agent/v2/images/image' } };
  const socket = connect(Number(new URL(server.addresses.http_url).port), '127.0.0.1');
  socket.write(`GET /agent/v2/images/image HTTP/1.1\r\nhost: x\r\nauthorization: ${forImage('image').authorization}\r\n\r\n`);
  await once(socket, 'data');
  socket.pause();
  socket.destroy();
  while (engine.requests.length < 2) await new Promise((resolve) => setImmediate(resolve));
  const { data, message } = engine.requests[1] ?? {};
  assert.equal(data?.['complete'], false);
  assert.match(message ?? '', /^aborted/);
});

test('lets machines wait while the engine starts', async () => {
  const up = Promise.withResolvers<void>();
  const stateDir = join(state, 'starting');
  const flags = { ...loopback, state_dir: stateDir };
  const images = { disk: () => Promise.reject(new Error()), extents: () => Promise.reject(new Error()) };
  const settings = readSettings({ flags });
  const starting = createBootServer({ settings, images, log: silent, stateDir });
  await starting.start(engine, up.promise);
  try {
    const headers = { ...asAgent, 'content-type': 'application/json' };
    const url = `${starting.addresses.http_url}/agent/v2/next`;
    const reply = fetch(url, { method: 'POST', headers, body: JSON.stringify({ wait_seconds: 0 }) });
    assert.equal((await fetch(`${starting.addresses.http_url}/boot/ipxe/${plan.macs[0]?.mac}`)).status, 404);
    assert.equal(engine.heard.length, 0);
    up.resolve();
    assert.equal((await reply).status, 204);
  } finally {
    await starting.stop();
  }
});

test('serves the config drive', async () => {
  engine.configDrive = join(state, 'image');
  assert.equal((await (await get('/agent/v2/config-drive', asAgent)).arrayBuffer()).byteLength, imageBytes.length);
  engine.configDrive = join(state, 'missing');
  assert.equal((await get('/agent/v2/config-drive', asAgent)).status, 404);
});

test('rejects a plan whose file names leave the folder', async () => {
  const attempts: Partial<BootPlan>[] = [
    { folder: '..' },
    { folder: 'a/b' },
    { folder: 'pxelinux.cfg' },
    { files: [{ name: '../x', content: '' }] },
    {
      files: [
        { name: 'a', content: '' },
        { name: 'a', content: '' },
      ],
    },
    { macs: [{ mac: '52:54:00:00:00:01,set:x' }] },
    { macs: [{ mac: '52:54:00:00:00:01', hostname: 'a,b' }] },
    { macs: [{ mac: '52:54:00:00:00:01', address: '1.2.3.4,ignore' }] },
    { node_uuid: '../../x' },
  ];
  for (const attempt of attempts) await assert.rejects(server.publish({ ...plan, ...attempt }), { code: 'badRequest' });
});

test('a missing kernel throws a fault that names it', async () => {
  const files = [{ name: 'deploy_kernel', path: join(state, 'no-kernel') }];
  await assert.rejects(server.publish({ ...plan, node_uuid: 'node-2', folder: 'server-2', files }), {
    message: /deploy_kernel.*no-kernel/,
  });
  await server.withdraw('node-2');
});

test('reports a port in use with its purpose and owner', async () => {
  const { port } = new URL(server.addresses.http_url);
  const flags = { state_dir: join(state, 'other'), 'provisioning.address': '127.0.0.1', 'provisioning.http_port': port };
  const other = createBootServer({
    settings: readSettings({ flags }),
    images: { disk: () => Promise.reject(new Error()), extents: () => Promise.reject(new Error()) },
    log: silent,
    stateDir: join(state, 'other'),
  });
  await assert.rejects(other.start(engine), {
    code: 'cannotListen',
    message: new RegExp(`127.0.0.1:${port} for boot files.*process ${process.pid}`),
  });
});

test('the deploy helper accepts the classic form, from wget as from the ramdisk', async () => {
  const plans = new Plans(undefined);
  const helper = createDeployHelper({
    engine,
    addresses: new MachineAddresses({ plans, isServed: false }),
    report: engine.machineRequest,
    log: silent,
  });
  const port = await openListener(helper, { address: '127.0.0.1', port: 0, purpose: 'test', setting: '' });
  const url = `http://127.0.0.1:${port}/`;
  const send = (body: string) => fetch(url, { method: 'POST', body });
  try {
    await promisify(execFile)('busybox', [
      'wget',
      '-q',
      '-O',
      '-',
      '--post-data',
      'i=7&k=right&a=10.0.0.9&n=iqn.x%3Ay&p=3260&l=1&e=',
      url,
    ]);
    assert.deepEqual(engine.heard[0], {
      call: 'deploy post',
      args: [{ i: '7', k: 'right', a: '10.0.0.9', n: 'iqn.x:y', p: '3260', l: '1', e: '' }, '127.0.0.1'],
    });
    const missing = await send('k=right');
    assert.equal(missing.status, 400);
    assert.equal(await missing.text(), "parameter 'i' is not defined");
    const wrong = await send('i=7&k=wrong&a=1&n=2');
    assert.equal(await wrong.text(), 'key is not match');
    const good = await send('i=7&k=right&a=1&n=2&e=no+disk%1b%0afound&i=8&z=9&u=ab-cd&s=CZJ+1');
    assert.equal(good.status, 200);
    assert.equal(await good.text(), '');
    assert.deepEqual(engine.heard.at(-1)?.args[0], {
      ...{ i: '7', k: 'right', a: '1', n: '2', e: 'no disk found', u: 'ab-cd', s: 'CZJ 1' },
    });
    assert.equal((await fetch(url)).status, 501);
    assert.equal((await send('x'.repeat(100_000))).status, 413);
    assert.ok(!JSON.stringify(engine.requests).includes('right'));
  } finally {
    helper.closeAllConnections();
    helper.close();
  }
});

test('accepts plans without an address, and opens and writes nothing', async () => {
  const stateDir = join(state, 'silent');
  const quiet = createBootServer({
    settings: readSettings({ flags: { state_dir: stateDir } }),
    images: { disk: () => Promise.reject(new Error()), extents: () => Promise.reject(new Error()) },
    log: silent,
    stateDir,
  });
  await quiet.start(engine);
  await quiet.publish(plan);
  await assert.rejects(quiet.publish({ ...plan, folder: '..' }), { code: 'badRequest' });
  await quiet.withdraw(plan.node_uuid);
  await quiet.stop();
});

const sendEvent = (token: string, body: NonNullable<RequestInit['body']>, headers: Record<string, string> = {}) =>
  fetch(`${server.addresses.http_url}/redfish-events/${token}`, { method: 'POST', headers, body, duplex: 'half' } as RequestInit);

test('delivers a BMC event to its subscriber and never records its token', async () => {
  events.length = 0;
  const type = { 'content-type': 'application/json; charset=utf-8' };
  const reply = await sendEvent('known', '{"Events":[]}', type);
  // Some BMCs treat 204 as a failure.
  assert.deepEqual([reply.status, await reply.text()], [200, '']);
  assert.equal((await sendEvent('unknown', '{}', type)).status, 404);
  assert.equal((await sendEvent('known', 'x'.repeat(1_100_000), type)).status, 413);
  assert.deepEqual(events[0], { token: 'known', body: { Events: [] } });
  // Reports of the test before may still come, and the deploy helper says "known", too.
  const reported = engine.requests.filter(({ subject }) => !subject.startsWith('deploy helper'));
  assert.ok(reported.length > 0 && reported.every((request) => !JSON.stringify(request).includes('nown"')));
});

test('refuses an unexpected event before reading its body', async () => {
  // The body never arrives, so only a handler that does not read it can reply.
  const sent = httpRequest(`${server.addresses.http_url}/redfish-events/unknown`, {
    method: 'POST',
    headers: { 'content-length': '1000000', 'content-encoding': 'gzip' },
  });
  sent.on('error', () => {});
  sent.flushHeaders();
  const [reply] = await once(sent, 'response');
  sent.destroy();

  assert.equal(reply.statusCode, 404);
});

const event = '{"Events":[{"EventType":"Alert"}]}';
const chunks = () => new Blob([event.slice(0, 9), event.slice(9)]).stream();
const oddEvents: [string, NonNullable<RequestInit['body']>, Record<string, string>, unknown][] = [
  ['without a type', Buffer.from(event), {}, JSON.parse(event)],
  ['as plain text', event, { 'content-type': 'text/plain; odd' }, JSON.parse(event)],
  ['as a type that is none', event, { 'content-type': ';' }, JSON.parse(event)],
  ['as a form, as curl sends it', event, { 'content-type': 'application/x-www-form-urlencoded' }, JSON.parse(event)],
  ['with a byte order mark', `\uFEFF${event}`, { 'content-type': 'application/json' }, JSON.parse(event)],
  ['in chunks', chunks(), { 'content-type': 'application/json' }, JSON.parse(event)],
  ['packed', gzipSync(event), { 'content-type': 'application/json', 'content-encoding': 'gzip' }, JSON.parse(event)],
  ['packed otherwise', deflateSync(event), { 'content-encoding': 'deflate' }, JSON.parse(event)],
  ['said to be packed', event, { 'content-encoding': 'gzip' }, {}],
  ['packed, and huge', gzipSync(Buffer.alloc(20_000_000)), { 'content-encoding': 'gzip' }, {}],
  ['as no JSON', '{"Events":[', { 'content-type': 'application/json' }, {}],
  ['empty', '', { 'content-type': 'application/json' }, {}],
  ['with a dangerous name', '{"__proto__":{"x":1}}', { 'content-type': 'application/json' }, JSON.parse('{"__proto__":{"x":1}}')],
  ['deep', '['.repeat(500_000), { 'content-type': 'application/json' }, {}],
];
for (const [title, body, headers, heard] of oddEvents) {
  test(`accepts an event ${title}`, async () => {
    events.length = 0;
    assert.equal((await sendEvent('known', body, headers)).status, 200);
    assert.deepEqual(events, [{ token: 'known', body: heard }]);
  });
}
