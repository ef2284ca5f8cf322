import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { readSettings } from '#settings.ts';
import { makeIdentity } from '#test/a-redfish-service.ts';
import { anHourLater, aTokenReply, type ScriptedKeystone, sendJson, startScriptedKeystone } from '#test/a-scripted-keystone.ts';
import { faultOf } from '#test/fault-of.ts';
import { KeystoneTokens } from './keystone-tokens.ts';

async function aPair(t: TestContext, more: Readonly<Record<string, string>> = {}, limits = {}) {
  return connected(t, await startScriptedKeystone(t), more, limits);
}

function connected(t: TestContext, keystone: ScriptedKeystone, more: Readonly<Record<string, string>>, limits = {}) {
  const flags = { 'keystone.auth_url': keystone.url, 'keystone.password': 'pw', 'keystone.timeout': '5', ...more };
  const lines: string[] = [];
  const note = (fields: object, message: string) => void lines.push(`${message} ${JSON.stringify(fields)}`);
  const tokens = new KeystoneTokens(readSettings({ flags }), { error: note, info: note }, limits);
  t.after(() => tokens.close());
  return { keystone, tokens, lines, read: (token: string, service?: string) => tokens.read(token, service) };
}

const unavailable = async (work: Promise<unknown>) => assert.equal((await faultOf(work)).code, 'keystoneUnavailable');

test('asks once about a token, whose caller has its project and roles', async (t) => {
  const { keystone, read } = await aPair(t);

  const found = await Promise.all(Array.from({ length: 20 }, () => read('t1')));
  await read('t1');

  assert.deepEqual(found[0]?.caller, {
    ...{ user_id: 'u1', user_name: 'ann', project_id: 'p1', project_name: 'web', project_domain_id: 'default' },
    ...{ roles: ['member'], is_admin: false },
  });
  assert.deepEqual(keystone.questions, ['/v3/auth/tokens?nocatalog=1 service-1 t1']);
});

test('a token that has expired is none', async (t) => {
  const { keystone, read } = await aPair(t);
  keystone.validate = (_, reply) => sendJson(reply, 200, aTokenReply({ expires_at: '2026-01-01T01:00:00.000000Z' }));

  assert.equal(await read('t1'), undefined);
});

const switched = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n';

const oddReplies: Readonly<Record<string, (reply: ServerResponse) => void>> = {
  'a failure': (reply) => sendJson(reply, 500, aTokenReply()),
  'a proxy without Keystone': (reply) => sendJson(reply, 502, {}),
  'too many requests': (reply) => sendJson(reply, 429, {}),
  'a redirection': (reply) => reply.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
  'a page': (reply) => reply.end('<html>'),
  'another document': (reply) => sendJson(reply, 200, { version: {} }),
  'a token without a user': (reply) => sendJson(reply, 200, aTokenReply({ user: undefined })),
  'a time that is none': (reply) => sendJson(reply, 200, aTokenReply({ expires_at: 'never' })),
  'a time in month 13': (reply) => sendJson(reply, 200, aTokenReply({ issued_at: '2026-13-01T00:00:00.000000Z' })),
  'another protocol': (reply) => void reply.socket?.write(switched),
  'roles that are no list': (reply) => sendJson(reply, 200, aTokenReply({ roles: 'admin' })),
  'an endless reply': (reply) => void reply.write('x'.repeat(300_000)),
  'half a reply': (reply) => void reply.writeHead(200, { 'content-length': '100' }).write('{', () => reply.destroy()),
};

for (const [name, say] of Object.entries(oddReplies))
  test(`refuses requests for now if Keystone sends ${name}`, async (t) => {
    const { keystone, read } = await aPair(t);
    keystone.validate = (_, reply) => say(reply);

    await unavailable(read('t1'));
  });

test('a token that Keystone does not know is invalid, and is asked about each time', async (t) => {
  const { keystone, read } = await aPair(t);
  keystone.validate = (_, reply) => sendJson(reply, 404, { error: {} });

  assert.equal(await read('t1'), undefined);
  assert.equal(await read('t1'), undefined);
  assert.equal(keystone.questions.length, 2);
  assert.equal(await read('två'), undefined);
  assert.equal(await read(''), undefined);
  assert.equal(keystone.questions.length, 2);
});

test('logs in again when its own token is refused, and does not guess if that one is refused, too', async (t) => {
  const { keystone, read } = await aPair(t);
  keystone.validate = ({ headers }, reply) =>
    headers['x-auth-token'] === 'service-1' ? sendJson(reply, 401, {}) : sendJson(reply, 200, aTokenReply());

  assert.ok(await read('t1'));
  assert.equal(keystone.logins, 2);

  keystone.validate = (_, reply) => sendJson(reply, 401, {});
  await unavailable(read('t2'));
});

test('says once that Keystone is away, and when it is back; known tokens do meanwhile', async (t) => {
  const { keystone, read, lines } = await aPair(t);
  await read('t1');
  await keystone.stop();

  await unavailable(read('t2'));
  await unavailable(read('t3'));
  assert.ok(await read('t1'));
  await keystone.start();
  assert.ok(await read('t2'));

  assert.equal(lines.length, 2);
  assert.match(lines[0] ?? '', /^Keystone cannot be asked.*ECONNREFUSED/);
  assert.match(lines[1] ?? '', /^Keystone responds again/);
});

test('tells at the start that its password is wrong, and never what it is', async (t) => {
  const { keystone, tokens, lines } = await aPair(t, { 'keystone.password': 'hunter2' });
  keystone.loginStatus = 401;

  await tokens.check();

  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? '', /refused the login of Ingot's user with status 401/);
  assert.doesNotMatch(lines.join(), /hunter2/);
});

test('gives up when Keystone does not respond in time', async (t) => {
  const { keystone, read } = await aPair(t, { 'keystone.timeout': '1' });
  keystone.validate = () => {};

  await unavailable(read('t1'));
});

test('verifies the certificate by the authorities of the system or of the setting', async (t) => {
  const identity = makeIdentity('IP:127.0.0.1');
  const folder = await mkdtemp(join(tmpdir(), 'ingot-keystone-'));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, 'ca.pem');
  await writeFile(file, identity.cert);
  const keystone = await startScriptedKeystone(t, identity);
  const [strange, trusting] = [connected(t, keystone, {}), connected(t, keystone, { 'keystone.cafile': file })];

  await unavailable(strange.read('t1'));
  assert.match(strange.lines.join(), /SELF_SIGNED/);
  assert.ok(await trusting.read('t1'));
  await writeFile(file, 'no certificate');
  assert.throws(() => connected(t, keystone, { 'keystone.cafile': file }), /keystone.cafile names/);
});

/** `old` has expired, `service` has the role of services, `other` is a user's. */
function expiring({ url = '', headers }: { url?: string; headers: NodeJS.Dict<string | string[]> }, reply: ServerResponse) {
  const token = headers['x-subject-token'];
  if (token === 'invalid' || (token === 'old' && !url.includes('allow_expired=1'))) return sendJson(reply, 404, {});
  const expires_at = token === 'old' ? '2026-01-01T01:00:00.000000Z' : anHourLater();
  const roles = [{ id: 'r', name: token === 'service' ? 'service' : 'member' }];
  sendJson(reply, 200, aTokenReply({ expires_at, roles, audit_ids: [String(token)] }));
}

async function aPairOfServices(t: TestContext, more: Readonly<Record<string, string>> = {}) {
  const pair: Awaited<ReturnType<typeof aPair>> = await aPair(t, more);
  const { keystone }: { keystone: ScriptedKeystone } = pair;
  keystone.validate = expiring;
  return pair;
}

test("a service's token lets the expired token of its user do, and only a service's", async (t) => {
  const { tokens, read } = await aPairOfServices(t);

  assert.equal(await read('old'), undefined);
  assert.equal(await read('old', 'other'), undefined);
  assert.ok(await read('fresh', 'other'));
  assert.equal(await read('fresh', 'invalid'), undefined);
  const found = await read('old', 'service');
  assert.equal(found?.caller.user_id, 'u1');
  assert.equal(await read('old'), undefined);
  assert.ok(found && (await tokens.recheck(found.payload)));
  assert.equal(found && (await tokens.recheck({ ...found.payload })), undefined);
});

test('a service token without the role is refused where the settings say so', async (t) => {
  const { read } = await aPairOfServices(t, { 'keystone.service_token_roles_required': 'true' });

  assert.equal(await read('fresh', 'other'), undefined);
  assert.ok(await read('fresh', 'service'));
});

test('checks again, by its audit id, a token that it has read', async (t) => {
  const { keystone, tokens, read } = await aPair(t, { 'keystone.token_cache_time': '0' });
  const found = await read('t1');
  assert.ok(found);

  assert.ok(await tokens.recheck({ ...found.payload }));
  assert.equal(await tokens.recheck({ ...found.payload, audit_ids: ['another'] }), undefined);
  keystone.validate = (_, reply) => sendJson(reply, 404, {});
  assert.equal(await tokens.recheck({ ...found.payload }), undefined);
});

test('what is in use is checked again however many other tokens came since', async (t) => {
  const { keystone, tokens, read } = await aPair(t, {}, { keptMax: 2 });
  keystone.validate = ({ headers }, reply) =>
    sendJson(reply, 200, aTokenReply({ audit_ids: [String(headers['x-subject-token'])] }));
  const [waiting, console] = [await read('t1'), await read('t2')];
  assert.ok(waiting && console);
  const kept = { ...console.payload };
  assert.ok(await tokens.recheck(kept));

  for (const token of ['t3', 't4', 't5']) await read(token);

  assert.ok(await tokens.recheck(waiting.payload));
  assert.ok(await tokens.recheck(kept));
  assert.equal(await tokens.recheck({ ...console.payload, audit_ids: ['t9'] }), undefined);
});

test('a caller has the access rules of their application credential, unless a service sends the request', async (t) => {
  const { keystone, read } = await aPair(t);
  const rule = { id: 'a1', service: 'compute', method: 'GET', path: '/v2.1/servers' };
  keystone.validate = ({ headers }, reply) => {
    const name = headers['x-subject-token'] === 'service' ? 'service' : 'member';
    const application_credential = { id: 'c1', name: 'c', restricted: true, access_rules: [rule] };
    const isShown = headers['openstack-identity-access-rules'] === '1';
    const body = aTokenReply({ roles: [{ id: 'r', name }], ...(name === 'member' && { application_credential }) });
    sendJson(reply, isShown ? 200 : 404, body);
  };

  assert.deepEqual((await read('t1'))?.caller.access_rules, [{ ...rule, user_id: 'u1' }]);
  assert.equal((await read('t1', 't2'))?.caller.access_rules?.length, 1);
  assert.equal((await read('t1', 'service'))?.caller.access_rules, undefined);
  assert.equal((await read('t1'))?.caller.access_rules?.length, 1);
});
