/** Access rules: an application credential is good for the requests that they name, and for no other. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type ApiFixture, openApiFixture } from '#test/api-fixture.ts';
import { identityOf } from '#test/identity-requests.ts';

let fixture: ApiFixture;
let identity: ReturnType<typeof identityOf>;
before(async () => {
  fixture = await openApiFixture();
  identity = identityOf(fixture);
});
after(() => fixture.close());

const [service, method] = ['compute', 'GET'] as const;
const ofServers = { service, method, path: '/v2.1/servers/**' };
const ofFlavor = { service, method, path: '/compute/v2.1/flavors/{id}' };

async function aMember(name: string) {
  const [user, project] = [await identity.aUser(name), await identity.aProject(name)];
  await identity.send('PUT', `projects/${project}/users/${user}/roles/member`);
  const token = await identity.tokenOf(user, { project: { id: project } });
  const create = (access_rules: object[], label = 'c') =>
    identity.ask(
      'POST',
      `users/${user}/application_credentials`,
      { application_credential: { name: label, access_rules } },
      token,
    );
  return { user, project, token, create, rules: `users/${user}/access_rules` };
}

async function tokenBy({ body }: { body: { application_credential: { id: string; secret: string } } }): Promise<string> {
  const { id, secret } = body.application_credential;
  const { status, token } = await identity.logInBy({
    methods: ['application_credential'],
    application_credential: { id, secret },
  });
  assert.equal(status, 201);
  return token;
}

const statusOf = async (token: string, method: 'GET' | 'POST' | 'HEAD', url: string) =>
  (await fixture.app.inject({ method, url, headers: { 'x-auth-token': token } })).statusCode;

test('a token may be used for what the rules name, on each API', async () => {
  const token = await tokenBy(await (await aMember('limited')).create([ofServers, ofFlavor]));

  for (const url of ['/compute/v2.1/servers/detail', '/compute/v2.1//servers/detail/', '/compute/v2.1/flavors/x'])
    assert.notEqual(await statusOf(token, 'GET', url), 401, url);
  for (const url of [
    ...['/compute/v2.1/servers', '/compute/v2.1/flavors', '/compute/v2.1/flavors/x/os-extra_specs', '/compute/v2.1/os-keypairs'],
    ...['/compute/v2.1/os-keypairs?/v2.1/servers/x', '/compute/v2.1/os-keypairs#/compute/v2.1/servers/x'],
    ...['/image/v2/images', '/network/v2.0/networks', '/baremetal/v1/nodes', '/baremetal/nodes', '/identity/v3/projects'],
  ])
    assert.equal(await statusOf(token, 'GET', url), 401, url);
  assert.equal(await statusOf(token, 'POST', '/compute/v2.1/servers/x/action'), 401);
  assert.equal(await statusOf(token, 'HEAD', '/compute/v2.1/servers/detail'), 401);
});

test('whoever validates such a token must know access rules, and gets them', async () => {
  const token = await tokenBy(await (await aMember('validated')).create([ofServers]));
  const url = '/identity/v3/auth/tokens';
  const headers = { 'x-auth-token': token, 'x-subject-token': token };

  assert.equal((await fixture.ask({ url, headers })).status, 404);
  const { body } = await fixture.ask({ url, headers: { ...headers, 'openstack-identity-access-rules': '1.0' } });
  const [{ id, ...rule }] = body.token.application_credential.access_rules;
  assert.ok(id);
  assert.deepEqual(rule, ofServers);
});

test('equal rules are one, which is listed, and stays as long as a credential has it', async () => {
  const { user, token, create, rules } = await aMember('listed');
  const first = (await create([ofServers])).body.application_credential;
  const [rule] = first.access_rules;
  const second = (await create([{ id: rule.id }, ofServers, ofFlavor], 'd')).body.application_credential;

  assert.deepEqual(second.access_rules.map(({ path }: { path: string }) => path).sort(), [ofFlavor.path, ofServers.path].sort());
  assert.equal((await identity.send('GET', `${rules}?path=/v2.1/servers/**`, undefined, token)).access_rules.length, 1);
  assert.equal((await identity.send('GET', `${rules}/${rule.id}`, undefined, token)).access_rule.path, ofServers.path);
  const remove = () => identity.ask('DELETE', `${rules}/${rule.id}`, undefined, token);
  assert.equal((await remove()).body.error.message, 'May not delete access rule in use');
  for (const { id } of [first, second])
    await identity.send('DELETE', `users/${user}/application_credentials/${id}`, undefined, token);
  assert.equal((await remove()).status, 204);
  assert.equal((await remove()).status, 404);
});

test("nobody uses, sees or deletes another user's rules, and no client chooses an id", async () => {
  const [mine, theirs] = [await aMember('mine'), await aMember('theirs')];
  const [{ id }] = (await theirs.create([ofServers])).body.application_credential.access_rules;

  assert.equal((await mine.create([{ id }])).status, 400);
  const [made] = (await mine.create([{ id, ...ofFlavor }])).body.application_credential.access_rules;
  assert.notEqual(made.id, id);
  assert.equal((await mine.create([{ id: made.id, service: 'image', method: 'GET', path: '/**' }], 'd')).status, 400);
  for (const method of ['GET', 'DELETE'] as const) {
    assert.equal(await identity.statusOf(method, `${theirs.rules}/${id}`, undefined, mine.token), 403);
    assert.equal(await identity.statusOf(method, `${mine.rules}/${id}`, undefined, mine.token), 404);
  }
  assert.equal(await identity.statusOf('GET', theirs.rules, undefined, mine.token), 403);
});

test('rules go with their user', async () => {
  const { user, create } = await aMember('gone');
  await create([ofServers]);
  await identity.send('DELETE', `users/${user}`);

  assert.deepEqual(await fixture.store.access_rules.list({ user_id: user }), []);
});
