/** Referee test: the unmodified `openstack` client with access tokens of a real provider of OpenID Connect. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { oidcAudience, oidcClient, startOidcProvider } from '#test/an-oidc-provider.ts';
import { openApiFixture } from '#test/api-fixture.ts';
import { openstack, openstackJson, openstackSession, withoutClient as skip } from './openstack.ts';

type Row = Record<string, string>;

const people = {
  ann: { password: 'secret of ann', claims: { preferred_username: 'ann', email: 'ann@example.org', groups: ['staff', 'other'] } },
  bob: { password: 'secret of bob', claims: { preferred_username: 'bob', groups: ['guests'] } },
};

const rules = [
  {
    local: [{ user: { name: '{0}', email: '{1}' } }, { groups: '{2}', domain: { name: 'Default' } }],
    remote: [
      { type: 'OIDC-preferred_username' },
      { type: 'OIDC-email' },
      { type: 'OIDC-groups', whitelist: ['staff', 'guests'] },
    ],
  },
  { local: [{ user: { name: '{0}' } }], remote: [{ type: 'OIDC-preferred_username' }] },
];

test('users of an identity provider log in by its access tokens', { skip }, async (t) => {
  const provider = await startOidcProvider(people);
  t.after(() => provider.close());
  const settings = {
    ...{ 'oidc.issuer': provider.issuer, 'oidc.audience': `${oidcAudience},${oidcClient.client_id}` },
    ...{ 'oidc.client_id': oidcClient.client_id, 'oidc.client_secret': oidcClient.client_secret },
  };
  const fixture = await openApiFixture({ settings });
  t.after(() => fixture.close());
  const folder = await mkdtemp(join(tmpdir(), 'ingot-oidc-'));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, 'rules.json');
  await writeFile(file, JSON.stringify(rules));
  const { env } = await fixture.listen();

  const { replies, output, errors } = await openstackSession(env, [
    'group create staff -f json',
    'role add --project admin --group staff member',
    `mapping create --rules ${file} claims -f json`,
    `identity provider create --enable --remote-id ${provider.issuer} sso -f json`,
    'federation protocol create --identity-provider sso --mapping claims openid -f json',
    'identity provider list -f json',
    'identity provider show sso -f json',
    'mapping list -f json',
    'mapping show claims -f json',
    'federation protocol list --identity-provider sso -f json',
    'federation protocol show --identity-provider sso openid -f json',
  ]);
  const [, mapping, idp, protocol, ...lists] = replies as (Row & Row[])[];
  assert.deepEqual([mapping?.['id'], idp?.['id'], protocol?.['mapping']], ['claims', 'sso', 'claims'], `${output}${errors}`);
  assert.equal(lists.length, 6, `${output}${errors}`);
  const { PATH, HOME, OS_AUTH_URL, OS_IDENTITY_API_VERSION } = env;
  const federated = {
    ...{ PATH, HOME, OS_AUTH_URL, OS_IDENTITY_API_VERSION, OS_IDENTITY_PROVIDER: 'sso', OS_PROTOCOL: 'openid' },
    ...{ OS_CLIENT_ID: oidcClient.client_id, OS_CLIENT_SECRET: oidcClient.client_secret },
    OS_DISCOVERY_ENDPOINT: `${provider.issuer}/.well-known/openid-configuration`,
  };
  const inProject = { OS_PROJECT_NAME: 'admin', OS_PROJECT_DOMAIN_NAME: 'Default' };
  const as = (name: string, password: string) => ({
    ...federated,
    OS_AUTH_TYPE: 'v3oidcpassword',
    OS_USERNAME: name,
    OS_PASSWORD: password,
  });

  const ann = await openstackJson({ ...as('ann', 'secret of ann'), ...inProject }, ['token', 'issue']);
  const networks = await openstackJson({ ...as('ann', 'secret of ann'), ...inProject }, ['network', 'list']);
  const pipeline = await openstackJson({ ...federated, OS_AUTH_TYPE: 'v3oidcclientcredentials' }, ['token', 'issue']);
  const form = new URLSearchParams({
    grant_type: 'password',
    username: 'ann',
    password: 'secret of ann',
    scope: 'openid profile',
  });
  const authorization = `Basic ${Buffer.from(`${oidcClient.client_id}:${encodeURIComponent(oidcClient.client_secret)}`).toString('base64')}`;
  const reply = await fetch(`${provider.issuer}/token`, { method: 'POST', body: form, headers: { authorization } });
  const { access_token } = (await reply.json()) as { access_token: string };
  const byToken = { ...federated, OS_AUTH_TYPE: 'v3oidcaccesstoken', OS_ACCESS_TOKEN: access_token, ...inProject };
  const again = await openstackJson(byToken, ['token', 'issue']);
  const users = await openstackJson(env, ['user', 'list', '--domain', idp?.['domain_id'] ?? '']);

  assert.match(ann.user_id, /^[0-9a-f]{64}$/);
  assert.equal(again.user_id, ann.user_id);
  assert.deepEqual(networks, []);
  assert.deepEqual(users.map((row: Row) => row['Name']).sort(), ['ann', 'the-pipeline']);
  assert.equal(pipeline.project_id, undefined);
  // Of bob's groups there is none here, and so no role.
  await assert.rejects(openstack({ ...as('bob', 'secret of bob'), ...inProject }, ['token', 'issue']), /HTTP 401/);
  await assert.rejects(openstack({ ...byToken, OS_ACCESS_TOKEN: `${access_token}x` }, ['token', 'issue']), /HTTP 401/);
  await openstackSession(env, ['identity provider set --disable sso']);
  await assert.rejects(openstack(byToken, ['token', 'issue']), /HTTP 403/);
  await openstackSession(env, [
    'federation protocol delete --identity-provider sso openid',
    'identity provider delete sso',
    'mapping delete claims',
  ]);
  assert.deepEqual(await openstackJson(env, ['identity', 'provider', 'list']), []);
});
