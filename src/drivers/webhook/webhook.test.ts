import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { suite, type TestContext, test } from 'node:test';
import type { JsonObject } from '#domain/json.ts';
import { type Identity, makeIdentity } from '#test/a-redfish-service.ts';
import { aNode } from '#test/a-task.ts';
import type { NodeFacts } from '../interfaces.ts';
import { createWebhookDriver } from './index.ts';

const { power } = createWebhookDriver();
const facts = (driver_info: JsonObject): NodeFacts => ({
  ...aNode({ driver: 'webhook', driver_info, name: 'rack 1' }),
  ports: [],
});
const { uuid } = facts({});

type Answer = (request: IncomingMessage, response: ServerResponse) => unknown;

/** A service that keeps one machine's state, unless `answer` overrides the response. */
async function setUp(t: TestContext, { answer, tls }: { answer?: Answer; tls?: Identity } = {}) {
  const heard: { line: string; headers: IncomingMessage['headers'] }[] = [];
  let state = 'stopped';
  const listener: RequestListener = (request, response) => {
    heard.push({ line: `${request.method} ${request.url}`, headers: request.headers });
    if (answer?.(request, response)) return;
    if (request.method === 'POST') state = request.url?.endsWith('/on') ? 'running' : 'stopped';
    response.end(JSON.stringify({ status: state }));
  };
  const server = tls ? createTlsServer(tls, listener) : createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const origin = `http${tls ? 's' : ''}://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const node = (changes: JsonObject = {}) =>
    facts({
      power_on_uri: `${origin}/machines/{node}/on`,
      power_off_uri: `${origin}/machines/{system_id}/off`,
      power_query_uri: `${origin}/machines/{node}?name={name}`,
      ...changes,
    });
  return { heard, node, origin };
}

test('switches and reads by the configured URLs', async (t) => {
  const { heard, node } = await setUp(t);
  assert.equal(await power.getPower(node()), 'power off');
  await power.setPower(node(), 'power on');
  assert.equal(await power.getPower(node()), 'power on');
  await power.setPower(node(), 'power off');
  assert.equal(await power.getPower(node()), 'power off');

  const lines = [...new Set(heard.map(({ line }) => line))];
  const path = `/machines/${uuid}`;
  assert.deepEqual(lines, [`GET ${path}?name=rack%201`, `POST ${path}/on`, `POST ${path}/off`]);
  assert.equal(heard[0]?.headers['system_id'], uuid);
});

test('uses the methods, patterns and headers of the site', async (t) => {
  const { heard, node } = await setUp(t, { answer: (_, response) => response.end('Relay 3: ON') });
  const info = {
    power_method: 'put',
    power_query_method: 'POST',
    power_on_regex: '(?i)relay \\d+: on$',
    power_off_regex: ': OFF',
    power_headers: { 'X-Rack': '7' },
  };
  assert.equal(await power.getPower(node(info)), 'power on');
  await power.setPower(node(info), 'power off');
  assert.deepEqual(
    heard.map(({ line }) => line.split(' ')[0]),
    ['POST', 'PUT'],
  );
  assert.equal(heard[0]?.headers['x-rack'], '7');
});

test('prefers a token to a password', async (t) => {
  const { heard, node } = await setUp(t);
  await power.getPower(node({ power_user: 'u', power_pass: 'secret' }));
  await power.getPower(node({ power_user: 'u', power_pass: 'secret', power_token: 'abcd' }));
  assert.deepEqual(
    heard.map(({ headers }) => headers.authorization),
    [`Basic ${Buffer.from('u:secret').toString('base64')}`, 'Bearer abcd'],
  );
});

suite('replies without a state', () => {
  const answering = (status: number, text: string, headers = {}): Answer => {
    return (_, response) => response.writeHead(status, headers).end(text);
  };
  const cases: Record<string, [Answer, { code: string; message: RegExp }]> = {
    'neither of the two': [
      answering(200, 'status: melting'),
      { code: 'bmcMalformedReply', message: /'status: melting', which neither/ },
    ],
    'an error, in the words of the service': [
      answering(500, 'PDU\n  on fire'),
      {
        code: 'bmcError',
        message: /^GET \/machines\/[-0-9a-f]+\?… failed on the web service at 127\.0\.0\.1:\d+: HTTP status 500: PDU on fire/,
      },
    ],
    'a refusal': [answering(401, ''), { code: 'bmcRefused', message: /HTTP status 401/ }],
    'too many words': [answering(200, 'x'.repeat(100_000)), { code: 'bmcMalformedReply', message: /more than 65536 bytes/ }],
    'no HTTP': [(request) => request.socket.end('hello\r\n'), { code: 'bmcMalformedReply', message: /no HTTP/ }],
    'a closed door': [(request) => request.socket.destroy(), { code: 'bmcUnreachable', message: /did not respond/ }],
    'the way to another place': [
      answering(302, '', { location: 'http://169.254.169.254/latest' }),
      { code: 'bmcMalformedReply', message: /a redirection to http:\/\/169\.254\.169\.254, which is not followed/ },
    ],
    'a circle': [
      (request, response) => response.writeHead(307, { location: request.url }).end(),
      { code: 'bmcMalformedReply', message: /more than 3/ },
    ],
  };
  for (const [name, [answer, expected]] of Object.entries(cases)) {
    test(name, async (t) => {
      const { node } = await setUp(t, { answer });
      await assert.rejects(power.getPower(node({ power_token: 'abcdef' })), expected);
    });
  }

  test('follows a redirect on the same origin, with the token', async (t) => {
    const answer: Answer = (request, response) =>
      !request.url?.startsWith('/new') && response.writeHead(308, { location: `/new${request.url}` }).end();
    const { node, heard } = await setUp(t, { answer });
    await power.setPower(node({ power_token: 'abcdef' }), 'power on');
    assert.equal(await power.getPower(node({ power_token: 'abcdef' })), 'power on');
    assert.ok(heard.every(({ headers }) => headers.authorization === 'Bearer abcdef'));
  });

  test('does not turn a command into a GET on a redirect', async (t) => {
    const answer: Answer = (_, response) => response.writeHead(303, { location: '/done' }).end();
    const { node } = await setUp(t, { answer });
    await assert.rejects(power.setPower(node(), 'power on'), {
      code: 'bmcMalformedReply',
      message: /redirection \(303\) of a POST/,
    });
  });

  test('does not quote basic authentication credentials that the site returns', async (t) => {
    const answer: Answer = (request, response) =>
      response.end(`who is ${String(request.headers.authorization).replace('Basic ', '')}?`);
    const { node } = await setUp(t, { answer });
    const fault = await power.getPower(node({ power_user: 'u', power_pass: 'open sesame' })).catch((error: Error) => error);
    assert.match(String(fault), /who is \*{6}\?/);
  });

  test('does not quote a secret that the site returns', async (t) => {
    const answer: Answer = (request, response) => response.writeHead(400).end(`bad ${request.headers.authorization}`);
    const { node } = await setUp(t, { answer });
    const fault = await power.getPower(node({ power_token: 'open sesame' })).catch((error: Error) => error);
    assert.match(String(fault), /HTTP status 400: bad \*{6}/);
    assert.doesNotMatch(JSON.stringify(fault) + String(fault), /sesame/);
  });

  test('masks secrets anywhere in a URL', async (t) => {
    const answer: Answer = (request, response) => response.writeHead(404).end(`no ${request.url}`);
    const { node, origin } = await setUp(t, { answer });
    const power_query_uri = `${origin}/trigger/state-of-machine/{node}/key/dGhpcyBpcyBh-2026?code=open%20sesame`;
    const fault = await power.getPower(node({ power_query_uri })).catch((error: Error) => error);
    assert.match(
      String(fault),
      new RegExp(`GET /trigger/state-of-machine/${uuid}/key/\\*{6}\\?… failed on .*: HTTP status 404: no /trigger`),
    );
    assert.doesNotMatch(JSON.stringify(fault) + String(fault), /sesame|dGhpcyBpcyBh/);
  });

  test('limits the time of a pattern', async (t) => {
    const answer: Answer = (_, response) => response.end(`${'a'.repeat(60)}!`);
    const { node } = await setUp(t, { answer });
    const state = power.getPower(node({ power_on_regex: '(a+)+$' }));
    await assert.rejects(state, { code: 'bmcMalformedReply', message: /power_on_regex took more than 50 ms/ });
  });
});

test('times out without a reply', async (t) => {
  const { node } = await setUp(t, { answer: () => true });
  const message = /did not respond \(1 attempt in 1 s\)/;
  await assert.rejects(power.getPower(node({ power_timeout: 1 })), { code: 'bmcUnreachable', message });
});

test('an abort ends a request', async (t) => {
  const callOptions = new AbortController();
  const { node } = await setUp(t, { answer: () => callOptions.abort(new Error('enough')) ?? true });
  await assert.rejects(power.setPower(node(), 'power on', { signal: callOptions.signal }), /enough/);
});

suite('certificates', () => {
  const tls = makeIdentity('IP:127.0.0.1');

  test('rejects an untrusted one', async (t) => {
    const { node, heard } = await setUp(t, { tls });
    await assert.rejects(power.getPower(node()), { code: 'bmcUntrusted', message: /self-signed/ });
    await assert.rejects(power.getPower(node({ power_fingerprint: '0'.repeat(64) })), { code: 'bmcUntrusted' });
    assert.deepEqual(heard, []);
  });

  const good: Record<string, JsonObject> = {
    'its own authority': { power_ca: tls.cert.toString() },
    'its fingerprint': { power_fingerprint: tls.sha256 },
    'no check, by choice': { power_verify_ssl: 'n' },
  };
  for (const [name, info] of Object.entries(good)) {
    test(`trusted by ${name}`, async (t) => {
      const { node } = await setUp(t, { tls });
      assert.equal(await power.getPower(node(info)), 'power off');
    });
  }
});

suite('driver_info', () => {
  const urls = { power_on_uri: 'http://a/on', power_off_uri: 'http://a/off', power_query_uri: 'http://a/' };
  const bad: [JsonObject, RegExp][] = [
    [{}, /power_on_uri is missing/],
    [{ ...urls, power_query_uri: undefined as never }, /power_query_uri is missing/],
    [{ ...urls, power_on_uri: 'file:///etc/passwd' }, /power_on_uri must be an http or https URL/],
    [{ ...urls, power_on_uri: 'somewhere' }, /power_on_uri must be an http or https URL/],
    [{ ...urls, power_on_uri: 'http://u:p@a/' }, /must not hold a password/],
    [{ ...urls, power_off_uri: 'http://a/{secret}' }, /power_off_uri: \{secret\} is not among/],
    [{ ...urls, power_on_regex: '(' }, /power_on_regex is no regular expression/],
    [{ ...urls, power_method: 'BREW' }, /power_method must be one of post, put/],
    [{ ...urls, power_headers: 'x' }, /power_headers must be an object/],
    [{ ...urls, power_headers: { 'a b': 'c' } }, /power_headers must be an object/],
    [{ ...urls, power_headers: { a: 'c\r\nd: e' } }, /power_headers must be an object/],
    [{ ...urls, power_fingerprint: 'abc' }, /power_fingerprint must be 64/],
    [{ ...urls, power_ca: 'abc' }, /power_ca must be certificates/],
    [{ ...urls, power_timeout: 0 }, /power_timeout must be a whole number from 1 to 300/],
  ];
  for (const [info, expected] of bad) {
    test(`refuses ${JSON.stringify(info)}`, () => {
      assert.throws(() => power.validate(facts(info)), { code: 'driverInfo', message: expected });
    });
  }
});
