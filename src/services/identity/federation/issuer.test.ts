import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { readSettings } from '#settings.ts';
import { type ScriptedIssuer, sendJson, startScriptedIssuer } from '#test/a-scripted-issuer.ts';
import { faultOf } from '#test/fault-of.ts';
import { Issuer } from './issuer.ts';

const client = { address: '192.0.2.1', log: { warn: () => {} }, isGone: () => false };
const log = { info: () => {}, error: () => {} };

function reader(t: TestContext, { url }: ScriptedIssuer, changes: Record<string, string> = {}): Issuer {
  const flags = { 'oidc.issuer': url, 'oidc.audience': 'ingot,ingot-cli', 'oidc.timeout': '2', ...changes };
  const issuer = new Issuer(readSettings({ flags }), log);
  t.after(() => issuer.close());
  return issuer;
}

const codeOf = async (work: Promise<unknown>) => (await faultOf(work)).code;
const now = () => Math.floor(Date.now() / 1000);

test('tokens that the issuer signed for this service are taken', async (t) => {
  const scripted = await startScriptedIssuer(t);
  await scripted.addKey('rsa', { alg: 'RS256' });
  const issuer = reader(t, scripted);
  const good = [
    await scripted.sign({ groups: ['staff'] }),
    await scripted.sign({ aud: ['other', 'ingot'] }),
    await scripted.sign({ aud: 'account', azp: 'ingot-cli' }),
    await scripted.sign({ aud: undefined, client_id: 'ingot' }),
    await scripted.sign({}, { kid: 'rsa', header: { typ: 'at+jwt' } }),
    // Clocks differ a little.
    await scripted.sign({ exp: now() - 10, nbf: now() + 10 }),
  ];

  const claims = [];
  for (const token of good) claims.push(await issuer.claimsOf(token, client));

  assert.deepEqual(claims[0]?.['groups'], ['staff']);
  assert.ok(claims.every(({ sub }) => sub === 'u1'));
  assert.deepEqual(scripted.asked, { '/.well-known/openid-configuration': 1, '/keys': 1 });
});

test('no other token is', async (t) => {
  const scripted = await startScriptedIssuer(t);
  await scripted.addKey('hidden', { isPublished: false });
  await scripted.addKey('rsa512', { alg: 'RS512' });
  const issuer = reader(t, scripted);
  const good = await scripted.sign({});
  const [head = '', body = '', signature = ''] = good.split('.');
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const hmacHead = encode({ alg: 'HS256', kid: 'first' });
  // The public key as a secret: the confusion of algorithms.
  const confused = createHmac('sha256', JSON.stringify(scripted.keys[0])).update(`${hmacHead}.${body}`).digest('base64url');
  const bad: Record<string, string> = {
    'an unsigned one': `${encode({ alg: 'none' })}.${body}.`,
    'one without its signature': `${head}.${body}.${signature.slice(0, -4)}AAAA`,
    'one with another content': `${head}.${encode({ iss: scripted.url, aud: 'ingot', sub: 'admin', exp: now() + 60 })}.${signature}`,
    'one by a public key as secret': `${hmacHead}.${body}.${confused}`,
    'one by a key that is not published': await scripted.sign({}, { kid: 'hidden' }),
    'one by an algorithm that is not allowed': await scripted.sign({}, { kid: 'rsa512' }),
    'one of another issuer': await scripted.sign({ iss: `${scripted.url}/` }),
    'one for another audience': await scripted.sign({ aud: 'account', azp: 'other' }),
    'one for nobody': await scripted.sign({ aud: undefined }),
    'one whose client differs from the party': await scripted.sign({ aud: 'x', azp: 'other', client_id: 'ingot' }),
    'an expired one': await scripted.sign({ exp: now() - 120 }),
    'one without end': await scripted.sign({ exp: undefined }),
    'one that is not valid yet': await scripted.sign({ nbf: now() + 120 }),
    'one without a subject': await scripted.sign({ sub: undefined }),
    'one with an empty subject': await scripted.sign({ sub: '' }),
    'one with a demand that is not understood': await scripted.sign({}, { header: { crit: ['x'], x: 1 } }).catch(() => 'x.y.z'),
    'an opaque one': 'opaque',
    'an encrypted one': 'a.b.c.d.e',
    nonsense: 'a.b.c',
  };

  for (const [what, token] of Object.entries(bad))
    assert.equal(await codeOf(issuer.claimsOf(token, client)), 'unauthorized', what);
});

test('keys that are not known are asked for once in some time, and by one request', async (t) => {
  const scripted = await startScriptedIssuer(t);
  await scripted.addKey('hidden', { isPublished: false });
  const issuer = reader(t, scripted);
  const unknown = await scripted.sign({}, { kid: 'hidden' });

  const all = await Promise.all(Array.from({ length: 20 }, () => codeOf(issuer.claimsOf(unknown, client))));

  assert.deepEqual(new Set(all), new Set(['unauthorized']));
  assert.equal(scripted.asked['/keys'], 1);
});

test('tokens that are no JWT are asked about, with the secret of the client', async (t) => {
  const scripted = await startScriptedIssuer(t);
  const issuer = reader(t, scripted, { 'oidc.client_id': 'ingot', 'oidc.client_secret': 'a secret: 100%' });
  const said: Record<string, object> = {
    good: { active: true, sub: 'u2', client_id: 'ingot', exp: now() + 60 },
    revoked: { active: false },
    expired: { active: true, sub: 'u2', client_id: 'ingot', exp: now() - 60 },
    foreign: { active: true, sub: 'u2', client_id: 'other' },
    elsewhere: { active: true, sub: 'u2', client_id: 'ingot', iss: 'https://other' },
    nobody: { active: true, client_id: 'ingot' },
  };
  let authorization = '';
  scripted.answers['/ask'] = (request, reply, body) => {
    authorization = request.headers.authorization ?? '';
    sendJson(reply, said[new URLSearchParams(body).get('token') ?? ''] ?? {});
  };

  const good = await issuer.claimsOf('good', client);

  assert.equal(good.sub, 'u2');
  assert.equal(Buffer.from(authorization.slice(6), 'base64').toString(), 'ingot:a+secret%3A+100%25');
  for (const token of ['revoked', 'expired', 'foreign', 'elsewhere', 'nobody'])
    assert.equal(await codeOf(issuer.claimsOf(token, client)), 'unauthorized', token);
  said['good'] = { ...said['good'], scope: 'openid' };
  scripted.answers['/me'] = (_request, reply) => sendJson(reply, {}, 401);
  assert.equal(await codeOf(issuer.claimsOf('good', client)), 'unauthorized');
  assert.equal(await codeOf(issuer.claimsOf('odd', client)), 'identityProviderUnavailable');
});

test('what is said about the user of a token adds to it, if it is about the same one', async (t) => {
  const scripted = await startScriptedIssuer(t);
  const issuer = reader(t, scripted);
  const answer = (body: object, status = 200) => {
    scripted.answers['/me'] = (request, reply) =>
      sendJson(reply, { authorization: request.headers.authorization, ...body }, status);
  };
  const token = await scripted.sign({ scope: 'openid profile', email: 'of the token' });

  answer({ sub: 'u1', preferred_username: 'ann', email: 'of the user', iss: 'x' });
  const claims = await issuer.claimsOf(token, client);
  answer({ sub: 'u2', preferred_username: 'eve' });
  const other = await codeOf(issuer.claimsOf(token, client));
  answer({}, 401);
  const without = await issuer.claimsOf(token, client);
  answer({}, 500);
  const broken = await codeOf(issuer.claimsOf(token, client));

  assert.deepEqual([claims['preferred_username'], claims['email'], claims['iss']], ['ann', 'of the token', scripted.url]);
  assert.equal(claims['authorization'], `Bearer ${token}`);
  assert.deepEqual([without['email'], without['preferred_username']], ['of the token', undefined]);
  assert.deepEqual([other, broken], ['unauthorized', 'identityProviderUnavailable']);
});

test('an issuer that says too much, too little or of another one is not believed', async (t) => {
  const configuration = '/.well-known/openid-configuration';
  const odd: ((scripted: ScriptedIssuer) => void)[] = [
    ({ answers, url }) => {
      answers[configuration] = (_request, reply) => sendJson(reply, { issuer: `${url}/other`, jwks_uri: `${url}/keys` });
    },
    ({ answers }) => {
      answers[configuration] = (_request, reply) => reply.writeHead(302, { location: 'http://127.0.0.1:1/' }).end();
    },
    ({ answers, url }) => {
      answers[configuration] = (_request, reply) => sendJson(reply, { issuer: url, jwks_uri: 'file:///etc/passwd' });
    },
    ({ answers }) => {
      answers['/keys'] = (_request, reply) => reply.end('x'.repeat(300_000));
    },
    ({ answers }) => {
      answers['/keys'] = (_request, reply) => sendJson(reply, { keys: Array.from({ length: 101 }, () => ({ kty: 'EC' })) });
    },
    ({ answers }) => {
      // It never ends.
      answers['/keys'] = (_request, reply) => void reply.write('{');
    },
  ];

  for (const change of odd) {
    const scripted = await startScriptedIssuer(t);
    change(scripted);
    assert.equal(
      await codeOf(reader(t, scripted).claimsOf(await scripted.sign({}), client)),
      'identityProviderUnavailable',
      String(change),
    );
  }
});

test('settings that would take any token are refused', () => {
  const settings = readSettings({ flags: { 'oidc.issuer': 'https://sso.example' } });

  assert.throws(() => new Issuer(settings, log), /oidc.audience is missing/);
  for (const url of ['http://sso.example', 'https://user:secret@sso.example', 'ftp://sso.example'])
    assert.throws(() => readSettings({ flags: { 'oidc.issuer': url } }), /oidc.issuer/, url);
  assert.throws(() => readSettings({ flags: { 'oidc.signature_algorithms': 'HS256' } }), /oidc.signature_algorithms/);
});
