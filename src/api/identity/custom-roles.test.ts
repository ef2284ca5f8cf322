/** Roles beside the built-in ones: what they imply, of which domain they are, and where they are inherited. */
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

const aRole = async (name: string, fields: object = {}): Promise<string> =>
  (await identity.send('POST', 'roles', { role: { name, ...fields } })).role.id;

async function aToken(name: string, role: string) {
  const [user, project] = [await identity.aUser(name), await identity.aProject(name)];
  await identity.send('PUT', `projects/${project}/users/${user}/roles/${role}`);
  return { user, project, token: await identity.tokenOf(user, { project: { id: project } }) };
}

test('a role is made, assigned, renamed and deleted, and tokens follow', async () => {
  const id = await aRole('observer', { description: 'd' });
  const { token, user, project } = await aToken('watcher', id);
  const reader = `projects/${project}/users/${user}/roles/reader`;
  await identity.send('PUT', reader);

  assert.deepEqual(await identity.rolesOf(token), ['reader', 'observer']);
  await identity.send('PATCH', `roles/${id}`, { role: { name: 'spectator' } });
  assert.deepEqual(await identity.rolesOf(token), ['reader', 'spectator']);
  const shown = await fixture.ask({ url: '/identity/v3/auth/tokens', headers: { 'x-subject-token': token } });
  assert.equal(shown.body.token.roles[1].id, id);
  await identity.send('DELETE', `roles/${id}`);
  assert.deepEqual(await identity.rolesOf(token), ['reader']);
  assert.equal(await identity.statusOf('GET', `roles/${id}`), 404);
});

test('names of roles are unique without regard to case', async () => {
  assert.equal(await identity.statusOf('POST', 'roles', { role: { name: 'ADMIN' } }), 409);
  const id = await aRole('unique');
  assert.equal(await identity.statusOf('PATCH', `roles/${id}`, { role: { name: 'Member' } }), 409);
  const twins = await Promise.all([1, 2].map(() => identity.statusOf('POST', 'roles', { role: { name: 'twin' } })));
  assert.deepEqual(twins.toSorted(), [201, 409]);
});

test('the built-in roles can be neither changed nor deleted', async () => {
  for (const fields of [{ description: 'x' }, { options: { immutable: false } }, { name: 'root' }])
    assert.equal(await identity.statusOf('PATCH', 'roles/admin', { role: fields }), 403);
  assert.match(await identity.messageOf('DELETE', 'roles/reader'), /^Unable to delete immutable role resource: `reader\./);
});

test('what a role implies is in tokens at once, and gone with the rule', async () => {
  const [first, second] = [await aRole('first'), await aRole('second')];
  const { token } = await aToken('implied', first);
  assert.deepEqual(await identity.rolesOf(token), ['first']);

  const { role_inference } = await identity.send('PUT', `roles/${first}/implies/${second}`);
  assert.deepEqual([role_inference.prior_role.id, role_inference.implies.id], [first, second]);
  assert.equal(await identity.statusOf('PUT', `roles/${first}/implies/${second}`), 409);
  await identity.send('PUT', `roles/${second}/implies/member`);
  // A circle.
  await identity.send('PUT', `roles/${second}/implies/${first}`);
  assert.deepEqual(await identity.rolesOf(token), ['member', 'reader', 'first', 'second']);
  await identity.send('DELETE', `roles/${first}/implies/${second}`);
  assert.deepEqual(await identity.rolesOf(token), ['first']);
  assert.equal(await identity.statusOf('DELETE', `roles/${first}/implies/${second}`), 404);
});

test('no role implies admin', async () => {
  const id = await aRole('climber');
  const reply = await identity.ask('PUT', `roles/${id}/implies/admin`);
  assert.deepEqual([reply.status, reply.body.error.message], [403, 'admin cannot be an implied roles.']);
});

test('a role of a domain stands in tokens for what it implies, in its domain alone', async () => {
  const domain_id = await identity.aDomain('own-roles');
  const local = await aRole('member', { domain_id });
  await identity.send('PUT', `roles/${local}/implies/reader`);
  const user = await identity.aUser('u', { domain_id });
  const [project, outside] = [await identity.aProject('p', { domain_id }), await identity.aProject('outside')];

  await identity.send('PUT', `projects/${project}/users/${user}/roles/${local}`);

  assert.deepEqual(await identity.rolesOf(await identity.tokenOf(user, { project: { id: project } })), ['reader']);
  const mismatch = `Project ${outside} must be in the same domain as the role ${local} being assigned.`;
  assert.equal(await identity.messageOf('PUT', `projects/${outside}/users/${user}/roles/${local}`), mismatch);
  assert.equal(await identity.statusOf('PUT', `domains/default/users/${user}/roles/${local}`), 403);
  assert.equal(await identity.statusOf('PUT', `system/users/${user}/roles/${local}`), 400);
  assert.equal(await identity.statusOf('PUT', `roles/reader/implies/${local}`), 403);
  const listed = await identity.send('GET', `roles?domain_id=${domain_id}`);
  assert.deepEqual([listed.roles[0].id, listed.roles[0].domain_id], [local, domain_id]);
  const effective = await identity.send('GET', `role_assignments?effective&user.id=${user}&include_names`);
  assert.deepEqual(
    effective.role_assignments.map(({ role }: { role: object }) => role),
    [{ id: 'reader', name: 'reader' }],
  );
});

test('a manager of a domain assigns no role of the domain that has the name of one they may assign', async () => {
  const domain_id = await identity.aDomain('lookalike');
  const local = await aRole('member', { domain_id });
  const manager = await identity.aUser('m', { domain_id });
  await identity.send('PUT', `domains/${domain_id}/users/${manager}/roles/manager`);
  const token = await identity.tokenOf(manager, { domain: { id: domain_id } });
  const path = `domains/${domain_id}/users/${manager}/roles`;
  assert.equal(await identity.statusOf('PUT', `${path}/${local}`, undefined, token), 403);
  assert.equal(await identity.statusOf('PUT', `${path}/member`, undefined, token), 204);
  for (const [method, where, body] of [
    ['POST', 'roles', { role: { name: 'mine', domain_id } }],
    ['GET', `roles?domain_id=${domain_id}`, undefined],
    ['PUT', `roles/${local}/implies/service`, undefined],
  ] as const)
    assert.equal(await identity.statusOf(method, where, body, token), 403, where);
});

test('a role is inherited by the projects below, and not by the project itself', async () => {
  const [top, middle] = [await identity.aProject('top'), ''];
  const below = middle || (await identity.aProject('middle', { parent_id: top }));
  const bottom = await identity.aProject('bottom', { parent_id: below });
  const user = await identity.aUser('heir');
  const grant = `OS-INHERIT/projects/${top}/users/${user}/roles/member/inherited_to_projects`;
  await identity.send('PUT', grant);
  assert.equal(await identity.statusOf('GET', grant), 204);
  const unscoped = await identity.tokenOf(user, 'unscoped');
  const { projects } = await identity.send('GET', 'auth/projects', undefined, unscoped);
  assert.deepEqual(
    projects.map(({ name }: { name: string }) => name),
    ['bottom', 'middle'],
  );
  assert.equal((await identity.logIn(user, { project: { id: top } })).status, 401);
  const tokens = await Promise.all([below, bottom].map((id) => identity.tokenOf(user, { project: { id } })));
  for (const token of tokens) assert.deepEqual(await identity.rolesOf(token), ['member', 'reader']);

  const query = `role_assignments?scope.project.id=${top}&include_subtree&user.id=${user}`;
  const stored = (await identity.send('GET', query)).role_assignments;
  assert.deepEqual(stored[0].scope, { project: { id: top }, 'OS-INHERIT:inherited_to': 'projects' });
  const effective = (await identity.send('GET', `${query}&effective`)).role_assignments;
  const placesOf = (rows: { scope: { project: { id: string } }; role: { id: string } }[]) =>
    rows.map(({ scope, role }) => [scope.project.id, role.id]).sort();
  assert.deepEqual(placesOf(effective), [below, bottom].flatMap((id) => ['member', 'reader'].map((role) => [id, role])).sort());
  assert.match(effective[0].links.assignment, new RegExp(`/OS-INHERIT/projects/${top}/users/${user}/roles/member/`));

  await identity.send('DELETE', grant);
  for (const token of tokens) assert.equal(await identity.rolesOf(token), undefined);
});

test('a role is inherited by the projects of a domain, also by a group', async () => {
  const domain_id = await identity.aDomain('inheriting');
  const user = await identity.aUser('u', { domain_id });
  const { group } = await identity.send('POST', 'groups', { group: { name: 'g', domain_id } });
  await identity.send('PUT', `groups/${group.id}/users/${user}`);
  const path = `OS-INHERIT/domains/${domain_id}/groups/${group.id}/roles`;
  await identity.send('PUT', `${path}/reader/inherited_to_projects`);
  const later = await identity.aProject('later', { domain_id });

  const token = await identity.tokenOf(user, { project: { id: later } });
  assert.deepEqual(await identity.rolesOf(token), ['reader']);
  assert.equal((await identity.logIn(user, { domain: { id: domain_id } })).status, 401);
  const listed = await identity.send('GET', `${path}/inherited_to_projects`);
  assert.equal(listed.roles[0].id, 'reader');
  assert.deepEqual((await identity.send('GET', `domains/${domain_id}/groups/${group.id}/roles`)).roles, []);
  await identity.send('DELETE', `${path}/reader/inherited_to_projects`);
  assert.equal(await identity.rolesOf(token), undefined);
});

test('an application credential has a custom role, and none beyond', async () => {
  const id = await aRole('limited');
  const { user, project, token } = await aToken('with-credential', id);
  await identity.send('PUT', `projects/${project}/users/${user}/roles/member`);
  const path = `users/${user}/application_credentials`;
  const create = (roles: object[]) =>
    identity.ask('POST', path, { application_credential: { name: `c${JSON.stringify(roles)}`.slice(0, 60), roles } }, token);

  const { body, status } = await create([{ id }]);
  assert.deepEqual([status, body.application_credential.roles], [201, [{ id, name: 'limited', domain_id: null }]]);
  assert.equal((await create([{ name: 'manager' }])).status, 400);
  assert.equal((await create([{ id: 'member', name: 'admin' }])).status, 201, 'the id decides');
  const { id: credential, secret } = body.application_credential;
  const login = await identity.logInBy({
    methods: ['application_credential'],
    application_credential: { id: credential, secret },
  });
  assert.deepEqual(await identity.rolesOf(login.token), ['limited']);
});
