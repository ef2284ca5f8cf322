/** Groups: their members have the roles of the group, as long as both last. */
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

const aGroup = async (name: string, fields: object = {}): Promise<string> =>
  (await identity.send('POST', 'groups', { group: { name, ...fields } })).group.id;

/** A user in a group that has the role member in a project. */
async function aMember(name: string) {
  const [user, group, project] = [await identity.aUser(name), await aGroup(name), await identity.aProject(name)];
  const [membership, grant] = [`groups/${group}/users/${user}`, `projects/${project}/groups/${group}/roles/member`];
  await identity.send('PUT', membership);
  await identity.send('PUT', grant);
  const scope = { project: { id: project } };
  return { user, group, project, membership, grant, scope, token: await identity.tokenOf(user, scope) };
}

test('groups are made, changed, listed and deleted; names are unique in a domain', async () => {
  const domain_id = await identity.aDomain('of-groups');
  const { group } = await identity.send('POST', 'groups', { group: { name: 'team', description: 'd', domain_id } });
  assert.deepEqual([group.domain_id, group.description], [domain_id, 'd']);
  assert.equal(await identity.statusOf('POST', 'groups', { group: { name: 'team', domain_id } }), 409);
  await aGroup('team');
  const changed = await identity.send('PATCH', `groups/${group.id}`, { group: { name: 'crew' } });
  assert.equal(changed.group.name, 'crew');
  const { groups } = await identity.send('GET', `groups?domain_id=${domain_id}&name=crew`);
  assert.deepEqual(
    groups.map(({ id }: { id: string }) => id),
    [group.id],
  );
  await identity.send('DELETE', `groups/${group.id}`);
  assert.equal(await identity.messageOf('GET', `groups/${group.id}`), `Could not find group: ${group.id}.`);
});

test('a member has the roles of the group in tokens and lists', async () => {
  const { user, group, project, membership, token } = await aMember('listed');

  assert.deepEqual(await identity.rolesOf(token), ['member', 'reader']);
  assert.equal(await identity.statusOf('GET', membership), 204);
  assert.equal((await identity.send('GET', `groups/${group}/users`)).users[0].id, user);
  assert.equal((await identity.send('GET', `users/${user}/groups`, undefined, token)).groups[0].id, group);
  assert.equal((await identity.send('GET', 'auth/projects', undefined, token)).projects[0].id, project);
  const stored = await identity.send('GET', `role_assignments?group.id=${group}&include_names`);
  assert.deepEqual(stored.role_assignments[0].group, { id: group, name: 'listed', domain: { id: 'default', name: 'Default' } });
  const { role_assignments } = await identity.send('GET', `role_assignments?user.id=${user}&effective`);
  const [first, second] = role_assignments;
  assert.deepEqual([first.role.id, second.role.id, first.user.id], ['member', 'reader', user]);
  assert.match(first.links.membership, new RegExp(`/groups/${group}/users/${user}$`));
  assert.match(first.links.assignment, new RegExp(`/projects/${project}/groups/${group}/roles/member$`));
});

const endings: Readonly<Record<string, (member: Awaited<ReturnType<typeof aMember>>) => Promise<unknown>>> = {
  'leaving the group, also after coming back': async ({ membership }) => {
    await identity.send('DELETE', membership);
    await identity.send('PUT', membership);
  },
  'revoking the role of the group, also after it is assigned again': async ({ grant }) => {
    await identity.send('DELETE', grant);
    await identity.send('PUT', grant);
  },
  'deleting the group': ({ group }) => identity.send('DELETE', `groups/${group}`),
};

for (const [ending, end] of Object.entries(endings))
  test(`tokens by a group are void after ${ending}`, async () => {
    const member = await aMember(`user-${ending.length}`);
    assert.deepEqual(await identity.rolesOf(member.token), ['member', 'reader']);

    await end(member);

    assert.equal(await identity.rolesOf(member.token), undefined);
  });

test('a role that the group gets later is in tokens of before', async () => {
  const { group, project, token } = await aMember('later');
  await identity.send('PUT', `projects/${project}/groups/${group}/roles/manager`);
  assert.deepEqual(await identity.rolesOf(token), ['manager', 'member', 'reader']);
});

test('application credentials end with membership, group or inherited role, also if the role comes back', async () => {
  const aRobot = async (user: string, project: string) => {
    const token = await identity.tokenOf(user, { project: { id: project } });
    const payload = { application_credential: { name: crypto.randomUUID() } };
    const { application_credential } = await identity.send('POST', `users/${user}/application_credentials`, payload, token);
    const { id, secret } = application_credential;
    return async () =>
      (await identity.logInBy({ methods: ['application_credential'], application_credential: { id, secret } })).status;
  };
  const { user, project, group, membership, grant } = await aMember('robots');
  const [byMembership, kept] = [await aRobot(user, project), await identity.aProject('kept')];
  await identity.send('PUT', `projects/${kept}/users/${user}/roles/member`);
  const own = await aRobot(user, kept);
  await identity.send('DELETE', membership);
  await identity.send('PUT', membership);
  assert.deepEqual([await byMembership(), await own()], [401, 201]);

  const byGroup = await aRobot(user, project);
  await identity.send('DELETE', `groups/${group}`);
  await identity.send('PUT', grant.replace(`groups/${group}`, `users/${user}`));
  assert.deepEqual([await byGroup(), await own()], [401, 201]);

  const domain = await identity.aDomain('robots');
  const below = await identity.aProject('below', { domain_id: domain });
  const inherited = `OS-INHERIT/domains/${domain}/users/${user}/roles/member/inherited_to_projects`;
  await identity.send('PUT', inherited);
  const byInheritance = await aRobot(user, below);
  await identity.send('DELETE', inherited);
  await identity.send('PUT', inherited);
  assert.deepEqual([await byInheritance(), await own()], [401, 201]);
});

test('an application credential by a group ends with the role of the group', async () => {
  const { user, grant, token } = await aMember('robot');
  const { application_credential } = await identity.send(
    ...(['POST', `users/${user}/application_credentials`, { application_credential: { name: 'c' } }, token] as const),
  );
  const { id, secret } = application_credential;
  const logIn = () => identity.logInBy({ methods: ['application_credential'], application_credential: { id, secret } });
  assert.equal((await logIn()).status, 201);
  await identity.send('DELETE', grant);
  assert.equal((await logIn()).status, 401);
});

test('groups have roles on domains and the system', async () => {
  const { user, group } = await aMember('wide');
  for (const [path, scope] of [
    ['domains/default', { domain: { id: 'default' } }],
    ['system', { system: { all: true } }],
  ] as const) {
    const roles = `${path}/groups/${group}/roles`;
    assert.equal((await identity.logIn(user, scope)).status, 401);
    await identity.send('PUT', `${roles}/reader`);
    assert.equal(await identity.statusOf('GET', `${roles}/reader`), 204);
    assert.deepEqual(
      (await identity.send('GET', roles)).roles.map(({ name }: { name: string }) => name),
      ['reader'],
    );
    const token = await identity.tokenOf(user, scope);
    assert.deepEqual(await identity.rolesOf(token), ['reader']);
    await identity.send('DELETE', `${roles}/reader`);
    assert.equal(await identity.rolesOf(token), undefined);
  }
});

/** A manager of a domain. */
async function aManager(name: string) {
  const domain_id = await identity.aDomain(name);
  const user = await identity.aUser('manager', { domain_id });
  await identity.send('PUT', `domains/${domain_id}/users/${user}/roles/manager`);
  return { domain_id, user, token: await identity.tokenOf(user, { domain: { id: domain_id } }) };
}

test('a manager of a domain manages its groups, and none of another', async () => {
  const { domain_id, user, token } = await aManager('managed');
  const foreign = { group: await aGroup('foreign'), user: await identity.aUser('foreign') };
  const own = (await identity.send('POST', 'groups', { group: { name: 'own' } }, token)).group;
  const project = await identity.aProject('p', { domain_id });
  const outside = await identity.aProject('outside');
  const statusOf = (method: 'PUT' | 'DELETE' | 'PATCH' | 'GET', path: string, body?: object) =>
    identity.statusOf(method, path, body, token);

  assert.equal(own.domain_id, domain_id);
  assert.equal(await statusOf('PUT', `groups/${own.id}/users/${user}`), 204);
  assert.equal(await statusOf('PUT', `projects/${project}/groups/${own.id}/roles/member`), 204);
  const denied = [
    ['PUT', `groups/${own.id}/users/${foreign.user}`],
    ['PUT', `groups/${foreign.group}/users/${user}`],
    ['DELETE', `groups/${foreign.group}`],
    ['PUT', `projects/${outside}/groups/${own.id}/roles/member`],
    ['PUT', `projects/${project}/groups/${foreign.group}/roles/member`],
    ['PUT', `domains/default/groups/${own.id}/roles/reader`],
    ['PUT', `system/groups/${own.id}/roles/reader`],
    ['PUT', `projects/${project}/groups/${own.id}/roles/admin`],
    ['PUT', `OS-INHERIT/domains/default/groups/${own.id}/roles/reader/inherited_to_projects`],
    ['PUT', `OS-INHERIT/projects/${outside}/users/${user}/roles/reader/inherited_to_projects`],
  ] as const;
  for (const [method, path] of denied) assert.equal(await statusOf(method, path), 403, path);
  assert.equal(await statusOf('GET', `groups/${foreign.group}`), 403);
  assert.equal(await identity.statusOf('POST', 'groups', { group: { name: 'x', domain_id: 'default' } }, token), 403);
});

test('a manager of a domain does not become an administrator by a group', async () => {
  const { domain_id, user, token } = await aManager('climber');
  const project = await identity.aProject('p', { domain_id });
  const { role } = await identity.send('POST', 'roles', { role: { name: 'robot' } });
  await identity.send('PUT', `roles/${role.id}/implies/service`);
  const places = [
    `projects/${project}/groups/GROUP/roles/admin`,
    `projects/${project}/groups/GROUP/roles/${role.id}`,
    `OS-INHERIT/domains/${domain_id}/groups/GROUP/roles/admin/inherited_to_projects`,
    'system/groups/GROUP/roles/reader',
  ];
  const victim = await identity.aUser('victim', { domain_id });
  for (const [index, path] of places.entries()) {
    const group = await aGroup(`g${index}`, { domain_id });
    await identity.send('PUT', path.replace('GROUP', group));
    await identity.send('PUT', `groups/${group}/users/${victim}`);
    assert.equal(await identity.statusOf('PUT', `groups/${group}/users/${user}`, undefined, token), 403, path);
    const change = { user: { password: 'mine' } };
    assert.equal(await identity.statusOf('PATCH', `users/${victim}`, change, token), 403, path);
    await identity.send('DELETE', `groups/${group}/users/${victim}`);
  }
  assert.equal(await identity.statusOf('PATCH', `users/${victim}`, { user: { description: 'd' } }, token), 200);
});

test('of a user added and removed at once, either request is the last', async () => {
  const { user, group, membership, scope } = await aMember('raced');
  await Promise.all(['DELETE' as const, 'PUT' as const].map((method) => identity.ask(method, membership)));
  const isMember = (await identity.statusOf('GET', `groups/${group}/users/${user}`)) === 204;
  assert.equal((await identity.logIn(user, scope)).status, isMember ? 201 : 401);
});

test('a user may be in more groups than a statement has values', async () => {
  const { user, scope, token } = await aMember('in-many-groups');
  await fixture.store.transaction(async ({ group_members }) => {
    for (let count = 0; count < 33_000; count++)
      await group_members.insert({ group_id: `a-group-of-many-${count}`, user_id: user, expires_at: '' });
  });

  assert.deepEqual(await identity.rolesOf(token), ['member', 'reader']);
  assert.deepEqual(await identity.rolesOf(await identity.tokenOf(user, scope)), ['member', 'reader']);
});
