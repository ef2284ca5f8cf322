import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type ScriptedIssuer, sendJson, startScriptedIssuer } from '#test/a-scripted-issuer.ts';
import { type ApiFixture, openApiFixture } from '#test/api-fixture.ts';
import { publicId } from '../directory/public-id.ts';

const base = '/identity/v3/OS-FEDERATION';
const rules = [
  { local: [{ user: { id: '{0}', name: '{1}' } }], remote: [{ type: 'OIDC-sub' }, { type: 'OIDC-preferred_username' }] },
  { local: [{ groups: '{0}', domain: { id: 'default' } }], remote: [{ type: 'HTTP_OIDC_GROUPS' }] },
];

type Site = { readonly api: ApiFixture; readonly issuer: ScriptedIssuer; readonly domain_id: string };

async function setUp(t: TestContext, settings: Readonly<Record<string, string>> = {}): Promise<Site> {
  const issuer = await startScriptedIssuer(t);
  const api = await openApiFixture({ settings: { 'oidc.issuer': issuer.url, 'oidc.audience': 'ingot', ...settings } });
  t.after(() => api.close());
  const put = async (path: string, payload: object) => {
    const { status, body } = await api.ask({ method: 'PUT', url: `${base}${path}`, payload });
    assert.equal(status, 201, JSON.stringify(body));
    return body;
  };
  await put('/mappings/claims', { mapping: { rules } });
  const provider = { enabled: true, remote_ids: [issuer.url] };
  const { domain_id } = (await put('/identity_providers/sso', { identity_provider: provider })).identity_provider;
  await put('/identity_providers/sso/protocols/openid', { protocol: { mapping_id: 'claims' } });
  return { api, issuer, domain_id };
}

async function logIn(
  { api, issuer }: Site,
  claims: object,
  { path = 'sso/protocols/openid', token }: { path?: string; token?: string } = {},
) {
  const access = token ?? (await issuer.sign({ preferred_username: 'ann', ...claims }));
  const headers = { authorization: `Bearer ${access}` };
  const reply = await api.app.inject({ method: 'POST', url: `${base}/identity_providers/${path}/auth`, headers });
  return { status: reply.statusCode, token: String(reply.headers['x-subject-token']), body: reply.json() };
}

async function rescope({ app }: ApiFixture, token: string, project = 'admin') {
  const scope = { project: { name: project, domain: { id: 'default' } } };
  const payload = { auth: { identity: { methods: ['token'], token: { id: token } }, scope } };
  const reply = await app.inject({ method: 'POST', url: '/identity/v3/auth/tokens', payload });
  return { status: reply.statusCode, token: String(reply.headers['x-subject-token']), body: reply.json() };
}

async function aGroup(api: ApiFixture, name: string): Promise<string> {
  const { id } = (await api.ask({ method: 'POST', url: '/identity/v3/groups', payload: { group: { name } } })).body.group;
  const [project] = (await api.ask({ url: '/identity/v3/projects?name=admin' })).body.projects;
  const url = `/identity/v3/projects/${project.id}/groups/${id}/roles/member`;
  assert.equal((await api.ask({ method: 'PUT', url })).status, 204);
  return id;
}

const projectsFor = async ({ app }: ApiFixture, token: string) => {
  const reply = await app.inject({ url: '/identity/v3/auth/projects', headers: { 'x-auth-token': token } });
  return reply.statusCode === 200 ? reply.json().projects.map(({ name }: { name: string }) => name) : reply.statusCode;
};

test('an access token gives an unscoped token, and the groups of its claims the projects', async (t) => {
  const site = await setUp(t);
  const { api, domain_id } = site;
  const group = await aGroup(api, 'staff');

  const first = await logIn(site, { groups: ['staff', 'unknown'] });
  const projects = await projectsFor(api, first.token);
  const scoped = await rescope(api, first.token);
  const again = await logIn(site, { groups: ['staff'], preferred_username: 'anna' });

  const { user, methods, project } = first.body.token;
  assert.deepEqual([first.status, methods, project], [201, ['openid'], undefined]);
  assert.equal(user.id, publicId({ domain_id, entity_type: 'user', local_id: 'u1' }));
  assert.deepEqual(user['OS-FEDERATION'], {
    identity_provider: { id: 'sso' },
    protocol: { id: 'openid' },
    groups: [{ id: group }],
  });
  assert.deepEqual([user.name, user.domain.id, projects], ['ann', domain_id, ['admin']]);
  assert.deepEqual([scoped.status, scoped.body.token.methods, scoped.body.token.user.id], [201, ['openid', 'token'], user.id]);
  assert.deepEqual([again.body.token.user.id, again.body.token.user.name], [user.id, 'anna']);
});

test('what a later login no longer says ends at once', async (t) => {
  const site = await setUp(t);
  await aGroup(site.api, 'staff');
  const first = await logIn(site, { groups: ['staff'] });
  const scoped = await rescope(site.api, first.token);
  assert.equal(scoped.status, 201);

  const second = await logIn(site, { groups: [] });

  assert.deepEqual([await projectsFor(site.api, scoped.token), await projectsFor(site.api, first.token)], [401, 401]);
  assert.deepEqual(await projectsFor(site.api, second.token), []);
  assert.equal((await rescope(site.api, second.token)).status, 401);
});

test('groups of claims end by themselves, those that were given here do not', async (t) => {
  const site = await setUp(t);
  const { api, domain_id } = site;
  const group_id = await aGroup(api, 'staff');
  const user_id = publicId({ domain_id, entity_type: 'user', local_id: 'u1' });
  const { token, body } = await logIn(site, { groups: ['staff'] });
  const [row] = await api.store.group_members.list({ user_id });

  await api.store.group_members.update({ user_id, group_id }, { expires_at: new Date(Date.now() - 1).toISOString() });
  const ended = [await projectsFor(api, token), (await rescope(api, token)).status];
  const shown = (await api.ask({ url: `/identity/v3/groups/${group_id}/users` })).body.users;
  const isMember = (await api.ask({ method: 'GET', url: `/identity/v3/groups/${group_id}/users/${user_id}` })).status;
  const added = (await api.ask({ method: 'PUT', url: `/identity/v3/groups/${group_id}/users/${user_id}` })).status;
  const later = await logIn(site, { groups: [] });

  assert.equal(row?.expires_at, new Date(Date.parse(body.token.expires_at)).toISOString());
  assert.deepEqual([ended, shown, isMember, added], [[[], 401], [], 404, 204]);
  assert.deepEqual(await projectsFor(api, later.token), ['admin']);
});

test('a provider, its issuer and its users can be shut out', async (t) => {
  const site = await setUp(t);
  const { api, domain_id } = site;
  const change = (identity_provider: object) =>
    api.ask({ method: 'PATCH', url: `${base}/identity_providers/sso`, payload: { identity_provider } });
  const { token } = await logIn(site, {});
  assert.deepEqual(await projectsFor(api, token), []);

  await change({ enabled: false });
  const disabled = [(await logIn(site, {})).status, await projectsFor(api, token)];
  await change({ enabled: true });
  const revived = await projectsFor(api, token);
  await change({ remote_ids: ['https://other.example'] });
  const foreign = await logIn(site, {});
  await change({ remote_ids: [site.issuer.url] });
  const next = await logIn(site, {});
  const url = `/identity/v3/users/${publicId({ domain_id, entity_type: 'user', local_id: 'u1' })}`;
  await api.ask({ method: 'PATCH', url, payload: { user: { enabled: false } } });

  assert.deepEqual([disabled, revived], [[403, 401], 401]);
  assert.deepEqual(
    [foreign.status, foreign.body.error.message],
    [403, 'Incoming identity provider identifier not included among the accepted identifiers.'],
  );
  assert.deepEqual([next.status, await projectsFor(api, next.token), (await logIn(site, {})).status], [201, 401, 401]);
});

test('without a valid access token, and where nothing is registered, nobody is let in', async (t) => {
  const site = await setUp(t);
  const { api, issuer } = site;
  const url = `${base}/identity_providers/sso/protocols/openid/auth`;
  const headers = [{}, { authorization: 'Basic YTpi' }, { authorization: 'Bearer ' }, { authorization: 'Bearer a b' }];
  const without = await Promise.all(
    headers.map(async (each) => (await api.app.inject({ method: 'POST', url, headers: each })).statusCode),
  );

  assert.deepEqual(without, [401, 401, 401, 401]);
  assert.equal((await logIn(site, { aud: 'other' })).status, 401);
  assert.equal((await logIn(site, {}, { path: 'other/protocols/openid' })).status, 404);
  assert.equal((await logIn(site, {}, { path: 'sso/protocols/saml' })).status, 404);
  // No name, and a name that another one has.
  assert.equal((await logIn(site, {}, { token: await issuer.sign({}) })).status, 401);
  assert.equal((await logIn(site, {})).status, 201);
  assert.equal((await logIn(site, { sub: 'u2' })).status, 409);
  for (const odd of ['', 'a\0b', '\ud800', 'x'.repeat(256)])
    assert.equal((await logIn(site, { sub: 'u3', preferred_username: odd })).status, 401, odd);
  const none = await openApiFixture();
  t.after(() => none.close());
  const provider = { identity_provider: { enabled: true } };
  await none.ask({ method: 'PUT', url: `${base}/mappings/claims`, payload: { mapping: { rules } } });
  await none.ask({ method: 'PUT', url: `${base}/identity_providers/sso`, payload: provider });
  await none.ask({
    method: 'PUT',
    url: `${base}/identity_providers/sso/protocols/openid`,
    payload: { protocol: { mapping_id: 'claims' } },
  });
  assert.equal((await logIn({ ...site, api: none }, {})).status, 403);
});

test('users of a provider have no password, and a domain has one provider', async (t) => {
  const site = await setUp(t);
  const { api, domain_id } = site;
  await logIn(site, {});
  const url = `/identity/v3/users/${publicId({ domain_id, entity_type: 'user', local_id: 'u1' })}`;
  const put = (id: string, identity_provider: object) =>
    api.ask({ method: 'PUT', url: `${base}/identity_providers/${id}`, payload: { identity_provider } });

  const password = await api.ask({ method: 'PATCH', url, payload: { user: { password: 'secret' } } });
  const shared = await put('other', { domain_id });
  const home = await put('other', { domain_id: 'default' });
  const again = await put('sso', {});
  const taken = await put('other', { remote_ids: [site.issuer.url] });
  const odd = await put('a%20b', {});

  assert.deepEqual(
    [password, shared, home, again, taken, odd].map(({ status }) => status),
    [403, 409, 403, 409, 409, 400],
  );
});

test('tokens last no longer than the settings say, however often they are exchanged', async (t) => {
  const site = await setUp(t, { 'oidc.token_lifetime': '600' });
  await aGroup(site.api, 'staff');

  const { token, body } = await logIn(site, { groups: ['staff'] });
  const scoped = await rescope(site.api, token);

  assert.ok(Date.parse(body.token.expires_at) <= Date.now() + 600_000);
  assert.equal(scoped.body.token.expires_at, body.token.expires_at);
});

test('tokens of a user who was deleted stay void when the user comes back', async (t) => {
  const site = await setUp(t);
  const { token, body } = await logIn(site, {});
  const { status } = await site.api.ask({ method: 'DELETE', url: `/identity/v3/users/${body.token.user.id}` });
  assert.deepEqual([status, await projectsFor(site.api, token)], [204, 401]);

  const again = await logIn(site, {});

  assert.equal(again.body.token.user.id, body.token.user.id);
  assert.deepEqual([await projectsFor(site.api, again.token), await projectsFor(site.api, token)], [[], 401]);
});

test('a claim of which only a part can be read says nothing', async (t) => {
  const site = await setUp(t, { 'oidc.client_id': 'ingot', 'oidc.client_secret': 'hidden' });
  await aGroup(site.api, 'staff');
  const [all, whole] = [{ groups: '{0}', domain: { id: 'default' } }, [{ user: { id: '{0}', name: '{0}' } }]];
  const trusted = { type: 'HTTP_OIDC_GROUPS', not_any_of: ['suspended'] };
  const mapping = {
    rules: [
      { local: whole, remote: [{ type: 'OIDC-sub' }] },
      { local: [{ ...all, groups: 'staff' }], remote: [{ type: 'OIDC-sub' }, trusted] },
    ],
  };
  await site.api.ask({ method: 'PATCH', url: `${base}/mappings/claims`, payload: { mapping } });
  const groupsFor = async (claims: object) => {
    // An opaque token, about which the issuer is asked: its answer may be long.
    const { url } = site.issuer;
    site.issuer.answers['/ask'] = (_request, reply) =>
      sendJson(reply, { active: true, iss: url, aud: 'ingot', sub: 'u1', ...claims });
    const { body } = await logIn(site, {}, { token: 'opaque' });
    return body.token.user['OS-FEDERATION'].groups.length;
  };
  const many = Array.from({ length: 1000 }, (_, index) => `group-${index}`);

  assert.equal(await groupsFor({ groups: ['others'] }), 1);
  assert.equal(await groupsFor({ groups: ['suspended'] }), 0);
  assert.equal(await groupsFor({ groups: [...many, 'suspended'] }), 0);
  assert.equal(await groupsFor({ groups: ['others', 'x'.repeat(5000)] }), 0);
  assert.equal(await groupsFor({ groups: ['others', ['suspended']] }), 0);
  // Two claims that rules call by the same name.
  assert.equal(await groupsFor({ groups: ['suspended'], Groups: ['others'] }), 0);
  assert.equal(await groupsFor({ Groups: ['others'], groups: ['suspended'] }), 0);
});
