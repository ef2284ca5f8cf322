/** Trusts: what their tokens permit, and until when. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { openTrusts } from '#test/trust-requests.ts';

const { fixture, identity, trusts } = await openTrusts();
after(() => fixture.close());

const names = (roles: readonly { name: string }[]) => roles.map(({ name }) => name);
const inAnHour = () => new Date(Date.now() + 3_600_000).toISOString();

test('a trust is shown to both users and to administrators, and its roles only one by one', async () => {
  const of = await trusts.parties();
  const trust = await trusts.aTrust(of, { expires_at: inAnHour(), remaining_uses: 2 });
  const url = `OS-TRUST/trusts/${trust.id}`;

  assert.deepEqual(names(trust.roles), ['reader']);
  assert.equal(trust.redelegation_count, 0);
  for (const token of [of.trustor.token, of.trustee.token, undefined])
    assert.deepEqual((await identity.send('GET', url, undefined, token)).trust, trust);
  const { roles } = await identity.send('GET', `${url}/roles`, undefined, of.trustee.token);
  assert.deepEqual(roles, trust.roles);
  assert.equal((await identity.send('GET', `${url}/roles/reader`, undefined, of.trustee.token)).role.name, 'reader');
  assert.equal(await identity.statusOf('GET', `${url}/roles/member`, undefined, of.trustee.token), 404);

  const outsider = await trusts.aParty(of.project, 'manager');
  for (const path of [url, `${url}/roles`, `${url}/roles/reader`])
    assert.equal(await identity.statusOf('GET', path, undefined, outsider.token), 403);
  assert.equal(await identity.statusOf('DELETE', url, undefined, outsider.token), 403);
  assert.equal(await identity.statusOf('DELETE', url, undefined, of.trustee.token), 403);
  assert.equal(await identity.statusOf('GET', 'OS-TRUST/trusts/absent', undefined, outsider.token), 404);
});

test('users list the trusts that they made, or that were made for them, and administrators all', async () => {
  const of = await trusts.parties();
  const { id } = await trusts.aTrust(of);
  const list = async (query: string, token?: string) =>
    (await identity.send('GET', `OS-TRUST/trusts${query}`, undefined, token)).trusts as { id: string; roles?: object }[];

  const seen = [
    ...(await list(`?trustor_user_id=${of.trustor.id}`, of.trustor.token)),
    ...(await list(`?trustee_user_id=${of.trustee.id}`, of.trustee.token)),
  ];
  assert.deepEqual(
    seen.map((trust) => [trust.id, trust.roles]),
    [
      [id, undefined],
      [id, undefined],
    ],
  );
  assert.ok((await list('')).some((trust) => trust.id === id));
  for (const query of ['', `?trustor_user_id=${of.trustee.id}`, '?trustee_user_id=another', '?trustor_user_id='])
    assert.equal(await identity.statusOf('GET', `OS-TRUST/trusts${query}`, undefined, of.trustor.token), 403, query);
});

test('the trustee gets a token with the roles of the trust, as the trustor or in their own name', async () => {
  const of = await trusts.parties();
  const parties = { trustor_user: { id: of.trustor.id }, trustee_user: { id: of.trustee.id } };

  for (const impersonation of [true, false]) {
    const { id } = await trusts.aTrust(of, { impersonation });
    const { status, token, body } = await trusts.logIn(of.trustee.id, id);

    assert.equal(status, 201, JSON.stringify(body));
    assert.deepEqual(body.token['OS-TRUST:trust'], { id, impersonation, ...parties });
    assert.equal(body.token.user.id, impersonation ? of.trustor.id : of.trustee.id);
    assert.equal(body.token.project.id, of.project);
    assert.deepEqual(names(body.token.roles), ['reader']);
    assert.deepEqual(await identity.rolesOf(token), ['reader']);
    const headers = { 'x-auth-token': token };
    assert.equal((await fixture.ask({ url: '/compute/v2.1/servers', headers })).status, 200);
    assert.equal(
      (await fixture.ask({ method: 'POST', url: '/network/v2.0/networks', headers, payload: { network: {} } })).status,
      403,
    );
    const revoke = { ...headers, 'x-subject-token': token };
    assert.equal((await fixture.ask({ method: 'DELETE', url: '/identity/v3/auth/tokens', headers: revoke })).status, 204);
    assert.equal(await identity.rolesOf(token), undefined);
  }
});

test('neither the trustor nor another user gets a token of a trust', async () => {
  const of = await trusts.parties();
  const { id } = await trusts.aTrust(of);
  const other = await trusts.aParty(of.project);

  for (const user of [of.trustor, other]) {
    const { status, body } = await trusts.logIn(user.id, id);
    assert.deepEqual([status, body.error.message], [403, 'User is not a trustee.']);
  }
  assert.equal((await trusts.logIn(of.trustee.id, 'absent')).status, 401);
  assert.equal((await identity.logIn(of.trustee.id, { 'OS-TRUST:trust': {} })).status, 400);
});

test('only what the trustor has can be delegated, by the trustor alone', async () => {
  const of = await trusts.parties();
  const unknown = [
    { roles: [{ name: 'manager' }] },
    { roles: [{ id: 'admin' }] },
    { project_id: of.elsewhere },
    { project_id: 'x' },
  ];
  const message = async (fields: object) => String((await trusts.create(of, fields)).body.error?.message);

  for (const fields of unknown) assert.equal((await trusts.create(of, fields)).status, 404, JSON.stringify(fields));
  assert.match(await message({ roles: [] }), /At least one role should be specified/);
  assert.equal((await trusts.create(of, { trustee_user_id: 'absent' })).status, 404);
  assert.match(await message({ expires_at: '2020-01-01T00:00:00Z' }), /must not be before now/);
  assert.match(await message({ expires_at: 'tomorrow' }), /not in expected format/);
  assert.equal((await trusts.create(of, { remaining_uses: 0 })).status, 400);
  assert.equal((await trusts.create(of, { project_id: null })).status, 404, 'roles are those of a project');
  assert.equal((await trusts.create(of, {}, of.trustee.token)).status, 403);
  // Not even an administrator.
  assert.equal((await identity.ask('POST', 'OS-TRUST/trusts', trusts.bodyFor(of))).status, 403);
  const once = { expires_at: inAnHour() };
  await trusts.aTrust(of, once);
  assert.equal((await trusts.create(of, once)).status, 409);
});

test('inherited, group and implied roles can be delegated, also those of a domain', async () => {
  const of = await trusts.parties('reader');
  const group = (await identity.send('POST', 'groups', { group: { name: 'trusting' } })).group.id;
  await identity.send('PUT', `groups/${group}/users/${of.trustor.id}`);
  await identity.send('PUT', `OS-INHERIT/domains/default/groups/${group}/roles/manager/inherited_to_projects`);
  const local = (await identity.send('POST', 'roles', { role: { name: 'local', domain_id: 'default' } })).role.id;
  await identity.send('PUT', `roles/${local}/implies/member`);
  await identity.send('PUT', `projects/${of.project}/users/${of.trustor.id}/roles/${local}`);
  const token = await identity.tokenOf(of.trustor.id, { project: { id: of.project } });

  for (const [role, expected] of [
    ['manager', ['manager', 'member', 'reader']],
    [local, ['member', 'reader']],
  ] as const) {
    const { id } = await trusts.aTrust(of, { roles: [{ id: role }] }, token);
    assert.deepEqual(names((await trusts.logIn(of.trustee.id, id)).body.token.roles), expected);
  }
});

test('a trust is worth nothing while its trustor lacks a role of it', async () => {
  const of = await trusts.parties();
  const { id } = await trusts.aTrust(of, { roles: [{ name: 'member' }, { name: 'reader' }] });
  const token = await trusts.tokenFor(of.trustee.id, id);
  const grant = `projects/${of.project}/users/${of.trustor.id}/roles`;
  await identity.send('PUT', `${grant}/reader`);

  await identity.send('DELETE', `${grant}/member`);
  const lost = await trusts.logIn(of.trustee.id, id);
  const afterwards = await identity.rolesOf(token);
  await identity.send('PUT', `${grant}/member`);

  assert.deepEqual([lost.status, lost.body.error.message], [403, 'Trustee has no delegated roles.']);
  assert.equal(afterwards, undefined);
  assert.equal(await identity.rolesOf(token), undefined);
  assert.equal((await trusts.logIn(of.trustee.id, id)).status, 201);
});

test('tokens of a trust end when it is deleted, or the tokens of one of its users are revoked', async () => {
  const of = await trusts.parties();
  const { id } = await trusts.aTrust(of);
  const change = (user: string, fields: object) => identity.send('PATCH', `users/${user}`, { user: fields });
  const endings = [
    () => change(of.trustor.id, { password: 'a long password' }),
    () => change(of.trustee.id, { password: 'a long password' }),
    () => change(of.trustor.id, { enabled: false }),
    () => change(of.trustee.id, { enabled: false }),
    () => identity.send('PATCH', `projects/${of.project}`, { project: { enabled: false } }),
    async () => {
      const trustor = await identity.tokenOf(of.trustor.id, { project: { id: of.project } });
      await identity.send('DELETE', `OS-TRUST/trusts/${id}`, undefined, trustor);
    },
  ];

  for (const end of endings) {
    const token = await trusts.tokenFor(of.trustee.id, id);
    assert.deepEqual(await identity.rolesOf(token), ['reader']);
    await end();
    assert.equal(await identity.rolesOf(token), undefined, String(end));
    for (const user of [of.trustor.id, of.trustee.id]) await change(user, { enabled: true });
    await identity.send('PATCH', `projects/${of.project}`, { project: { enabled: true } });
    assert.equal(await identity.rolesOf(token), undefined, String(end));
  }
  assert.equal((await trusts.logIn(of.trustee.id, id)).status, 401);
});

test('a trust of a disabled trustor is refused with the reason', async () => {
  const of = await trusts.parties();
  const { id } = await trusts.aTrust(of);
  await identity.send('PATCH', `users/${of.trustor.id}`, { user: { enabled: false } });

  const { status, body } = await trusts.logIn(of.trustee.id, id);

  assert.deepEqual([status, body.error.message], [403, 'Trustor is disabled.']);
});

test('an end and a number of uses limit a trust; the last token stays good', async () => {
  const of = await trusts.parties();
  const expires_at = inAnHour();
  const { id } = await trusts.aTrust(of, { expires_at, remaining_uses: 3 });

  const first = await trusts.logIn(of.trustee.id, id);
  assert.equal((await identity.send('GET', `OS-TRUST/trusts/${id}`)).trust.remaining_uses, 2);
  const others = await Promise.all([1, 2, 3, 4].map(() => trusts.logIn(of.trustee.id, id)));

  assert.equal(first.body.token.expires_at, expires_at);
  assert.equal(others.filter(({ status }) => status === 201).length, 2);
  for (const { status } of others) assert.ok([201, 401, 403].includes(status), String(status));
  const last = others.find(({ status }) => status === 201)!;
  assert.deepEqual(await identity.rolesOf(last.token), ['reader']);
  assert.equal(await identity.statusOf('GET', `OS-TRUST/trusts/${id}`), 404);
  await fixture.store.trusts.update({ id }, { expires_at: '2020-01-01T00:00:00.000Z', remaining_uses: null });
  assert.equal((await trusts.logIn(of.trustee.id, id)).status, 401);
  assert.equal(await identity.rolesOf(last.token), undefined);
});

test('deleting a user or project deletes its trusts', async () => {
  for (const what of ['trustor', 'trustee', 'project'] as const) {
    const of = await trusts.parties();
    const { id } = await trusts.aTrust(of);
    await identity.send('DELETE', what === 'project' ? `projects/${of.project}` : `users/${of[what].id}`);
    assert.equal(await identity.statusOf('GET', `OS-TRUST/trusts/${id}`), 404, what);
    assert.equal(await fixture.store.trusts.find({ id }), undefined, what);
  }
});

test('a user has at most a thousand trusts, of which expired ones do not count', async () => {
  const of = await trusts.parties();
  const { id } = await trusts.aTrust(of);
  const row = (await fixture.store.trusts.find({ id }))!;
  for (let at = 1; at < 1000; at += 1) await fixture.store.trusts.insert({ ...row, id: `many-${at}` });

  const refused = await trusts.create(of);
  await fixture.store.trusts.update({ id: 'many-1' }, { expires_at: '2020-01-01T00:00:00.000Z' });

  assert.equal(refused.status, 403);
  assert.match(String(refused.body.error.message), /the user has 1000 already/);
  assert.equal((await trusts.create(of)).status, 201);
});

test('a trust without a project is kept and shown, and of no use, as in Keystone', async () => {
  const of = await trusts.parties();
  const trust = await trusts.aTrust(of, { project_id: null, roles: [] });
  assert.deepEqual([trust.project_id, trust.roles], [null, []]);
  const shown = await identity.send('GET', `OS-TRUST/trusts/${trust.id}`, undefined, of.trustee.token);
  assert.deepEqual(shown.trust, trust);

  const { status, body } = await trusts.logIn(of.trustee.id, trust.id);

  assert.deepEqual([status, body.error.message], [404, 'Could not find project: None.']);
  assert.equal((await trusts.logIn(of.trustor.id, trust.id)).status, 403);
  await identity.send('DELETE', `OS-TRUST/trusts/${trust.id}`, undefined, of.trustor.token);
});
