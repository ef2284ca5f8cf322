/** Logins in a browser by OpenID Connect, with an issuer that says what the test wants. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { type ScriptedIssuer, sendJson, startScriptedIssuer } from '#test/a-scripted-issuer.ts';
import { type ApiFixture, openApiFixture } from '#test/api-fixture.ts';

const base = '/identity/v3/auth/OS-FEDERATION';
const dashboard = 'https://dashboard.example/auth/websso/';
const start = `${base}/websso/openid?origin=${encodeURIComponent(dashboard)}`;

type Site = { readonly api: ApiFixture; readonly issuer: ScriptedIssuer; readonly forms: URLSearchParams[] };

async function setUp(t: TestContext, settings: Readonly<Record<string, string>> = {}): Promise<Site> {
  const issuer = await startScriptedIssuer(t);
  const api = await openApiFixture({
    settings: {
      ...{ 'oidc.issuer': issuer.url, 'oidc.audience': 'other', 'oidc.client_id': 'ingot', 'oidc.client_secret': 'hidden' },
      ...{ 'federation.trusted_dashboard': 'https://DASHBOARD.example/auth/websso/', 'api.public_url': 'https://cloud.example' },
      ...settings,
    },
  });
  t.after(() => api.close());
  const put = (path: string, payload: object) => api.ask({ method: 'PUT', url: `/identity/v3/OS-FEDERATION${path}`, payload });
  const rules = [{ local: [{ user: { id: '{0}', name: '{1}' } }], remote: [{ type: 'OIDC-sub' }, { type: 'OIDC-name' }] }];
  await put('/mappings/claims', { mapping: { rules } });
  await put('/identity_providers/sso', { identity_provider: { enabled: true, remote_ids: [issuer.url] } });
  await put('/identity_providers/sso/protocols/openid', { protocol: { mapping_id: 'claims' } });
  const forms: URLSearchParams[] = [];
  return { api, issuer, forms };
}

type Begun = { readonly page: URL; readonly cookie: string; readonly state: string; readonly nonce: string };

async function begin({ api }: Site, url = start): Promise<Begun> {
  const { statusCode, headers, body } = await api.app.inject({ method: 'GET', url });
  assert.equal(statusCode, 302, body);
  const page = new URL(String(headers.location));
  const [cookie = ''] = String(headers['set-cookie']).split(';');
  const of = (name: string) => page.searchParams.get(name) ?? '';
  return { page, cookie, state: of('state'), nonce: of('nonce') };
}

/** The issuer gives tokens for any code. */
function answerCodes({ issuer, forms }: Site, claims: object, status = 200): void {
  issuer.answers['/tokens'] = async (_request, reply, body) => {
    forms.push(new URLSearchParams(body));
    sendJson(reply, { id_token: await issuer.sign({ name: 'ann', ...claims }), access_token: 'opaque' }, status);
  };
  issuer.answers['/me'] = (_request, reply) => sendJson(reply, { sub: 'u1', email: 'ann@example.org' });
}

async function comeBack({ api }: Site, { state, cookie }: Pick<Begun, 'state' | 'cookie'>, more = 'code=c1') {
  const url = `${base}/oidc/redirect?${more}&state=${state}`;
  const reply = await api.app.inject({ method: 'GET', url, headers: { cookie: `other=1; ${cookie}` } });
  const [, token] = /name="token" value="([^"]+)"/.exec(reply.body) ?? [];
  return { status: reply.statusCode, token, body: reply.body, headers: reply.headers };
}

test('a browser logs in at the issuer, and the dashboard gets a token', async (t) => {
  const site = await setUp(t);
  const begun = await begin(site);
  answerCodes(site, { nonce: begun.nonce });

  const back = await comeBack(site, begun);

  const asked = Object.fromEntries(begun.page.searchParams);
  assert.equal(`${begun.page.origin}${begun.page.pathname}`, `${site.issuer.url}/login`);
  const redirect_uri = `https://cloud.example${base}/oidc/redirect`;
  assert.deepEqual(
    [asked['tenant'], asked['response_type'], asked['client_id'], asked['scope'], asked['redirect_uri']],
    ['1', 'code', 'ingot', 'openid profile email', redirect_uri],
  );
  const [form] = site.forms;
  const verifier = form?.get('code_verifier') ?? '';
  assert.equal(asked['code_challenge'], createHash('sha256').update(verifier).digest('base64url'));
  assert.deepEqual([asked['code_challenge_method'], verifier.length], ['S256', 43]);
  assert.deepEqual([form?.get('code'), form?.get('redirect_uri'), form?.get('client_id')], ['c1', redirect_uri, null]);
  assert.equal(back.status, 200, back.body);
  assert.match(back.body, /<form name="sso" action="https:\/\/dashboard\.example\/auth\/websso\/" method="post">/);
  assert.match(String(back.headers['content-security-policy']), /form-action https:\/\/dashboard\.example; script-src 'sha256-/);
  assert.deepEqual([back.headers['cache-control'], back.headers['referrer-policy']], ['no-store', 'no-referrer']);
  const shown = await site.api.ask({ url: '/identity/v3/auth/tokens', headers: { 'x-subject-token': back.token ?? '' } });
  assert.deepEqual([shown.body.token.user.name, shown.body.token.methods], ['ann', ['openid']]);
  const stored = await site.api.store.users.find({ id: shown.body.token.user.id });
  assert.equal(stored?.origin, 'federated');
});

test('the cookie is for the page of the reply alone, and no script reads it', async (t) => {
  const site = await setUp(t);
  const reply = await site.api.app.inject({ method: 'POST', url: start });
  const cookie = String(reply.headers['set-cookie']);
  assert.match(
    cookie,
    /; Path=\/identity\/v3\/auth\/OS-FEDERATION\/oidc\/redirect; Max-Age=600; HttpOnly; SameSite=Lax; Secure$/,
  );
  // Neither what proves the login to the issuer nor what it has to repeat is in it.
  const kept = Buffer.from(cookie.slice('ingot_websso='.length).split('.')[0] ?? '', 'base64url').toString();
  const page = new URL(String(reply.headers.location));
  assert.ok(!kept.includes(page.searchParams.get('nonce') ?? '?'), kept);
});

test('by provider and protocol, and to trusted dashboards alone', async (t) => {
  const site = await setUp(t);
  const { app } = site.api;
  const origin = `origin=${encodeURIComponent(dashboard)}`;
  const path = `${base}/identity_providers/sso/protocols/openid/websso`;
  assert.equal((await begin(site, `${path}?${origin}`)).page.pathname, '/login');
  for (const [url, status, message] of [
    [`${path}?origin=https://evil.example/`, 401, 'https://evil.example/ is not a trusted dashboard host'],
    [`${path}?${origin}x`, 401, `${dashboard}x is not a trusted dashboard host`],
    [path, 400, 'Request must have an origin query parameter'],
    [`${base}/websso/saml?${origin}`, 401, 'Missing entity ID from environment'],
    [`${base}/identity_providers/none/protocols/openid/websso?${origin}`, 404, 'Could not find identity provider: none.'],
    [`${base}/identity_providers/sso/protocols/none/websso?${origin}`, 404, /^Could not find federation protocol|none/],
  ] as const) {
    const reply = await app.inject({ method: 'GET', url });
    assert.equal(reply.statusCode, status, `${url}: ${reply.body}`);
    if (typeof message === 'string') assert.equal(reply.json().error.message, message);
    else assert.match(reply.json().error.message, message);
    assert.equal(reply.headers['set-cookie'], undefined);
  }
});

test('what comes back must be of this browser, this login and this issuer', async (t) => {
  const site = await setUp(t);
  const [own, other] = [await begin(site), await begin(site)];
  answerCodes(site, { nonce: own.nonce });
  const [body = '', signature = ''] = own.cookie.slice('ingot_websso='.length).split('.');
  const changed = JSON.parse(Buffer.from(body, 'base64url').toString());
  const forged = Buffer.from(JSON.stringify({ ...changed, origin: 'https://evil.example/' })).toString('base64url');
  const attempts: Record<string, Parameters<typeof comeBack>> = {
    'without a cookie': [site, { state: own.state, cookie: '' }],
    'with the cookie of another login': [site, { state: own.state, cookie: other.cookie }],
    'with the state of another login': [site, { state: other.state, cookie: own.cookie }],
    'with another dashboard': [site, { state: own.state, cookie: `ingot_websso=${forged}.${signature}` }],
    'with a cookie of no sense': [site, { state: own.state, cookie: 'ingot_websso=a.b.c' }],
    'with a cookie of 5000 letters': [site, { state: own.state, cookie: `ingot_websso=${'x'.repeat(5000)}` }],
    'with an error': [site, own, 'error=access_denied&code=c1'],
    'without a code': [site, own, 'x=1'],
    'from another issuer': [site, own, 'code=c1&iss=https://other.example'],
  };
  for (const [what, attempt] of Object.entries(attempts)) {
    const { status, token, body: said } = await comeBack(...attempt);
    assert.deepEqual([status, token], [401, undefined], `${what}: ${said}`);
  }
  assert.equal(site.forms.length, 0, 'no code was shown to the issuer');
  assert.equal((await comeBack(site, own)).status, 200);
});

test('an ID token for another login, client or issuer is refused', async (t) => {
  const site = await setUp(t);
  const begun = await begin(site);
  const { nonce } = begun;
  for (const [what, claims] of Object.entries({
    'another nonce': { nonce: 'x' },
    'no nonce': {},
    'another client': { nonce, aud: 'other' },
    'a party that is another client': { nonce, aud: ['ingot', 'other'], azp: 'other' },
    'another issuer': { nonce, iss: 'https://other.example' },
    'one that has ended': { nonce, exp: Math.floor(Date.now() / 1000) - 120 },
  })) {
    answerCodes(site, claims);
    assert.equal((await comeBack(site, begun)).status, 401, what);
  }
  answerCodes(site, { nonce });
  site.issuer.answers['/me'] = (_request, reply) => sendJson(reply, { sub: 'u2', email: 'eve@example.org' });
  assert.equal((await comeBack(site, begun)).status, 401, 'the issuer tells about somebody else');
  answerCodes(site, { nonce }, 400);
  assert.equal((await comeBack(site, begun)).status, 401, 'a code that was used');
  answerCodes(site, { nonce }, 500);
  assert.equal((await comeBack(site, begun)).status, 503);
});

test('a login ends after ten minutes', async (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() });
  const site = await setUp(t);
  const begun = await begin(site);
  t.mock.timers.tick(600_001);
  assert.match((await comeBack(site, begun)).body, /This browser has not begun a login here, or too long ago/);
});

test('a public client sends its id, and without a client nobody logs in by a browser', async (t) => {
  const site = await setUp(t, { 'oidc.client_secret': '' });
  const begun = await begin(site);
  answerCodes(site, { nonce: begun.nonce });
  assert.equal((await comeBack(site, begun)).status, 200);
  assert.equal(site.forms[0]?.get('client_id'), 'ingot');
  const without = await setUp(t, { 'oidc.client_id': '', 'oidc.client_secret': '' });
  assert.equal((await without.api.app.inject({ method: 'GET', url: start })).statusCode, 403);
  const none = await openApiFixture({ settings: { 'federation.trusted_dashboard': dashboard } });
  t.after(() => none.close());
  assert.equal((await none.app.inject({ method: 'GET', url: start })).statusCode, 403);
});
