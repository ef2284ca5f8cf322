/** A disabled domain: its users, its projects and itself give no token, and tokens issued before are no longer good. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { type ApiFixture, openApiFixture } from '#test/api-fixture.ts';

let fixture: ApiFixture;
const password = 'a long password';
const ids = { user: '', own: '', homeProject: '', project: '' };

before(async () => {
  fixture = await openApiFixture();
  await fixture.store.domains.insert({ id: 'd2', name: 'other', description: '', enabled: true });
  ids.own = (await make('users', { user: { name: 'at-home', password } })).user.id;
  ids.user = (await make('users', { user: { name: 'guest', password, domain_id: 'd2' } })).user.id;
  ids.homeProject = (await make('projects', { project: { name: 'p1' } })).project.id;
  ids.project = (await make('projects', { project: { name: 'p2', domain_id: 'd2' } })).project.id;
  for (const user of [ids.own, ids.user])
    for (const place of [`projects/${ids.homeProject}`, `projects/${ids.project}`, 'domains/d2'])
      await make(`${place}/users/${user}/roles/member`);
});
after(() => fixture.close());
beforeEach(() => fixture.store.domains.update({ id: 'd2' }, { enabled: true }));

const disable = () => fixture.store.domains.update({ id: 'd2' }, { enabled: false });

async function make(path: string, payload?: object) {
  const method = payload ? ('POST' as const) : ('PUT' as const);
  const reply = await fixture.ask({ method, url: `/identity/v3/${path}`, ...(payload && { payload }) });
  assert.ok(reply.status < 300, `${path}: ${JSON.stringify(reply.body)}`);
  return reply.body;
}

async function logIn(user: string, scope: unknown): Promise<{ status: number; token: string }> {
  const auth = { identity: { methods: ['password'], password: { user: { id: user, password } } }, scope };
  const reply = await fixture.app.inject({ method: 'POST', url: '/identity/v3/auth/tokens', payload: { auth } });
  return { status: reply.statusCode, token: String(reply.headers['x-subject-token']) };
}

const statusOf = async (token: string) =>
  (await fixture.app.inject({ url: '/identity/v3/auth/projects', headers: { 'x-auth-token': token } })).statusCode;

const cases: Readonly<Record<string, () => readonly [user: string, scope: unknown]>> = {
  'a user of the domain, in a project of another': () => [ids.user, { project: { id: ids.homeProject } }],
  'a user of the domain, without a scope': () => [ids.user, 'unscoped'],
  'a project of the domain': () => [ids.own, { project: { id: ids.project } }],
  'the domain': () => [ids.own, { domain: { id: 'd2' } }],
};

for (const [what, loginOf] of Object.entries(cases))
  test(`a disabled domain voids tokens and logins for ${what}`, async () => {
    const { status, token } = await logIn(...loginOf());
    assert.deepEqual([status, await statusOf(token)], [201, 200]);

    await disable();

    assert.equal(await statusOf(token), 401);
    assert.equal((await logIn(...loginOf())).status, 401);
  });

test('a disabled domain changes nothing for users and projects of other domains', async () => {
  await disable();
  const { status, token } = await logIn(ids.own, { project: { id: ids.homeProject } });

  const reply = await fixture.app.inject({ url: '/identity/v3/auth/projects', headers: { 'x-auth-token': token } });

  assert.equal(status, 201);
  assert.deepEqual(
    reply.json().projects.map(({ id }: { id: string }) => id),
    [ids.homeProject],
    'only projects for which there are tokens',
  );
});
