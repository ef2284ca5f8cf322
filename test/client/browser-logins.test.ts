/** Logins in a browser at a real provider of OpenID Connect: for a dashboard, and for the unmodified `openstack` client. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { cloud, oidcAudience, oidcClient, redirectUris, startOidcProvider } from '#test/an-oidc-provider.ts';
import { openApiFixture } from '#test/api-fixture.ts';
import { openstackJson, withoutClient } from './openstack.ts';

const people = { ann: { password: 'secret of ann', claims: { preferred_username: 'ann', groups: ['staff'] } } };
const rules = [
  { local: [{ user: { name: '{0}' } }], remote: [{ type: 'OIDC-preferred_username' }] },
  { local: [{ groups: '{0}', domain: { name: 'Default' } }], remote: [{ type: 'OIDC-groups', whitelist: ['staff'] }] },
];
const dashboard = 'https://dashboard.example/auth/websso/';

async function setUp(t: TestContext) {
  const provider = await startOidcProvider(people);
  t.after(() => provider.close());
  const { client_id, client_secret } = oidcClient;
  const fixture = await openApiFixture({
    settings: {
      ...{ 'oidc.issuer': provider.issuer, 'oidc.audience': `${oidcAudience},${client_id}`, 'oidc.scope': 'openid profile' },
      ...{ 'oidc.client_id': client_id, 'oidc.client_secret': client_secret },
      ...{ 'federation.trusted_dashboard': dashboard, 'api.public_url': cloud },
    },
  });
  t.after(() => fixture.close());
  const put = async (url: string, payload: object) => {
    const { status, body } = await fixture.ask({ method: 'PUT', url: `/identity/v3/OS-FEDERATION${url}`, payload });
    assert.equal(status, 201, JSON.stringify(body));
  };
  await put('/mappings/claims', { mapping: { rules } });
  await put('/identity_providers/sso', { identity_provider: { enabled: true, remote_ids: [provider.issuer] } });
  await put('/identity_providers/sso/protocols/openid', { protocol: { mapping_id: 'claims' } });
  const { group } = (await fixture.ask({ method: 'POST', url: '/identity/v3/groups', payload: { group: { name: 'staff' } } }))
    .body;
  const [project] = (await fixture.ask({ url: '/identity/v3/projects?name=admin' })).body.projects;
  await fixture.ask({ method: 'PUT', url: `/identity/v3/projects/${project.id}/groups/${group.id}/roles/member` });
  return { provider, fixture };
}

type Site = Awaited<ReturnType<typeof setUp>>;
type Seen = { readonly url: URL; readonly status: number; readonly body: string };

/** Follows redirects and keeps cookies, until a page or an address outside. `form`: for the page on which the provider asks. */
async function browse({ provider, fixture }: Site, first: string, form: Record<string, string>): Promise<Seen> {
  const jar = new Map<string, string>();
  let url = new URL(first);
  for (let hops = 0; hops < 12; hops += 1) {
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
    let seen: { status: number; location: string | undefined; set: readonly string[]; body: string };
    if (url.origin === cloud) {
      const reply = await fixture.app.inject({ method: 'GET', url: `${url.pathname}${url.search}`, headers: { cookie } });
      const { location, 'set-cookie': set = [] } = reply.headers;
      seen = { status: reply.statusCode, location: location?.toString(), set: [set].flat(), body: reply.body };
    } else if (url.origin === provider.issuer) {
      const isPage = url.pathname.startsWith('/interaction/');
      const asked = isPage ? { method: 'POST', body: new URLSearchParams(form) } : {};
      const reply = await fetch(url, { ...asked, headers: { cookie }, redirect: 'manual' });
      const location = reply.headers.get('location') ?? undefined;
      seen = { status: reply.status, location, set: reply.headers.getSetCookie(), body: await reply.text() };
    } else return { url, status: 0, body: '' };
    for (const each of seen.set) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(each) ?? [];
      jar.set(name, value);
    }
    if (seen.location === undefined) return { url, status: seen.status, body: seen.body };
    url = new URL(seen.location, url);
  }
  throw new Error('the browser is sent around in circles');
}

const form = { username: 'ann', password: 'secret of ann' };

test('a user of the provider logs in for a dashboard, with the roles of the groups', async (t) => {
  const site = await setUp(t);
  const start = `${cloud}/identity/v3/auth/OS-FEDERATION/websso/openid?origin=${encodeURIComponent(dashboard)}`;

  const page = await browse(site, start, form);
  const refused = await browse(site, start, { ...form, password: 'guessed' });

  assert.equal(page.status, 200, page.body);
  const [, token = ''] = /name="token" value="([^"]+)"/.exec(page.body) ?? [];
  const headers = { 'x-auth-token': token };
  const reply = await site.fixture.app.inject({ url: '/identity/v3/auth/projects', headers });
  assert.deepEqual(
    reply.json().projects.map(({ name }: { name: string }) => name),
    ['admin'],
  );
  assert.deepEqual([refused.url.origin, refused.status], [site.provider.issuer, 401]);
});

test('the openstack client logs in by a code that a browser got for it', { skip: withoutClient }, async (t) => {
  const site = await setUp(t);
  const asked = {
    ...{ response_type: 'code', client_id: oidcClient.client_id, scope: 'openid profile' },
    redirect_uri: redirectUris.client,
  };
  const { url } = await browse(site, `${site.provider.issuer}/auth?${new URLSearchParams(asked)}`, form);
  const { env } = await site.fixture.listen();
  const { PATH, HOME, OS_AUTH_URL, OS_IDENTITY_API_VERSION } = env;

  const token = await openstackJson(
    {
      ...{ PATH, HOME, OS_AUTH_URL, OS_IDENTITY_API_VERSION, OS_AUTH_TYPE: 'v3oidcauthcode' },
      ...{ OS_IDENTITY_PROVIDER: 'sso', OS_PROTOCOL: 'openid', OS_REDIRECT_URI: redirectUris.client },
      ...{ OS_CLIENT_ID: oidcClient.client_id, OS_CLIENT_SECRET: oidcClient.client_secret },
      OS_DISCOVERY_ENDPOINT: `${site.provider.issuer}/.well-known/openid-configuration`,
      OS_CODE: url.searchParams.get('code') ?? '',
      ...{ OS_PROJECT_NAME: 'admin', OS_PROJECT_DOMAIN_NAME: 'Default' },
    },
    ['token', 'issue'],
  );

  assert.match(token.user_id, /^[0-9a-f]{64}$/);
  assert.notEqual(token.project_id, undefined);
});
