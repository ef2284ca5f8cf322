/** Keystone's `[security_compliance]`: rules of passwords, and when accounts are locked or count as disabled. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { openApiFixture } from '#test/api-fixture.ts';
import { identityOf } from '#test/identity-requests.ts';

const dayMs = 24 * 3600 * 1000;

/** With these settings, each without `security_compliance.`; logins from one address are not limited by the clock. */
async function cloud(t: TestContext, rules: Readonly<Record<string, string | number | boolean>>) {
  let now = 0;
  const settings = Object.fromEntries(
    Object.entries(rules).map(([name, value]) => [`security_compliance.${name}`, String(value)]),
  );
  const fixture = await openApiFixture({ clock: () => (now += 600_000), settings });
  t.after(() => fixture.close());
  const identity = identityOf(fixture);
  const logIn = (id: string, password: string) =>
    identity.logInBy({ methods: ['password'], password: { user: { id, password } } });
  /** Without a token. */
  const change = async (id: string, original_password: string, password: string) => {
    const payload = { user: { original_password, password } };
    const url = `/identity/v3/users/${id}/password`;
    const reply = await fixture.app.inject({ method: 'POST', url, payload });
    return { status: reply.statusCode, message: reply.body === '' ? '' : String(reply.json().error.message) };
  };
  const set = (id: string, user: object) => identity.ask('PATCH', `users/${id}`, { user });
  const show = async (id: string) => (await identity.send('GET', `users/${id}`)).user;
  return { fixture, identity, logIn, change, set, show };
}

test('passwords match an expression from their start, whoever sets them', async (t) => {
  const password_regex_description = 'a letter, a digit, at least 7 characters';
  const rules = { password_regex: '(?=.*\\d)(?=.*[a-zA-Z]).{7,}$', password_regex_description };
  const { identity, change, set } = await cloud(t, rules);
  const expected = `The password does not match the requirements: ${password_regex_description}.`;
  const id = await identity.aUser('strong', { password: 'letters4' });

  const created = await identity.ask('POST', 'users', { user: { name: 'weak', password: 'short1' } });
  const updated = await set(id, { password: 'letters' });
  const changed = await change(id, 'letters4', '12345678');

  for (const { status, body } of [created, updated]) assert.deepEqual([status, body.error.message], [400, expected]);
  assert.deepEqual(changed, { status: 400, message: expected });
  assert.equal((await change(id, 'letters4', 'letters5')).status, 204);
});

test('an expression whose time grows exponentially refuses a password, and does not stop the service', async (t) => {
  const { identity } = await cloud(t, { password_regex: '(a+)+$' });

  const { status } = await identity.ask('POST', 'users', { user: { name: 'slow', password: `${'a'.repeat(60)}b` } });

  assert.equal(status, 400);
  assert.ok(await identity.aUser('quick', { password: 'aaa' }));
});

test('users choose none of their latest passwords again; administrators may', async (t) => {
  const { identity, change, set } = await cloud(t, { unique_last_password_count: 3 });
  const id = await identity.aUser('recurring', { password: 'one' });
  for (const [from, to] of [
    ['one', 'two'],
    ['two', 'three'],
  ] as const)
    assert.equal((await change(id, from, to)).status, 204);

  const again = [await change(id, 'three', 'three'), await change(id, 'three', 'one')];
  const fourth = await change(id, 'three', 'four');
  const first = await change(id, 'four', 'one');

  const rule = 'The new password cannot be identical to a previous password.';
  const message = `${rule} The total number which includes the new password must be unique is 3.`;
  for (const refused of again) assert.deepEqual(refused, { status: 400, message });
  assert.deepEqual([fourth.status, first.status], [204, 204]);
  assert.equal((await set(id, { password: 'four' })).status, 200);
});

test('users keep a password that they chose for some days, but need not keep that of an administrator', async (t) => {
  const { fixture, identity, change } = await cloud(t, { minimum_password_age: 2 });
  const id = await identity.aUser('hasty', { password: 'given' });

  const first = await change(id, 'given', 'own');
  const second = await change(id, 'own', 'other');
  await fixture.store.users.update({ id }, { password_changed_at: new Date(Date.now() - 2 * dayMs).toISOString() });

  assert.equal(first.status, 204);
  assert.equal(second.status, 400);
  assert.match(second.message, /^You cannot change your password at this time .* for 2 day\(s\) .* again in 1 day\(s\)/);
  assert.equal((await change(id, 'own', 'other')).status, 204);
});

test('a password expires; it is shown, can be asked for in lists, and only changed from then on', async (t) => {
  const { fixture, identity, logIn, change, show } = await cloud(t, { password_expires_days: 30 });
  const id = await identity.aUser('ageing', { password: 'old' });
  const ignoring = await identity.aUser('ageless', { password: 'old', options: { ignore_password_expiry: true } });
  const listed = async (filter: string) => {
    const { users } = await identity.send('GET', `users?password_expires_at=${filter}`);
    return users.map(({ name }: { name: string }) => name);
  };
  const { password_expires_at } = await show(id);
  const token = (await logIn(id, 'old')).body.token;

  assert.match(password_expires_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000000$/);
  assert.equal(token.user.password_expires_at, password_expires_at);
  assert.equal((await show(ignoring)).password_expires_at, null);
  assert.deepEqual(await listed('gt:2020-01-01T00:00:00Z'), ['ageing']);
  assert.deepEqual(await listed(password_expires_at), ['ageing']);
  assert.deepEqual(await listed(`neq:${password_expires_at}`), []);
  assert.deepEqual(await listed('lte:2020-01-01T00:00:00Z'), []);
  assert.match(await identity.messageOf('GET', 'users?password_expires_at=xx:2020-01-01T00:00:00Z'), /operator xx is not valid/);
  assert.match(await identity.messageOf('GET', 'users?password_expires_at=lt:soon'), /Timestamp not in expected format/);

  for (const user of [id, ignoring])
    await fixture.store.users.update({ id: user }, { password_expires_at: '2020-01-01T00:00:00.000Z' });
  const expired = await logIn(id, 'old');
  assert.equal(expired.status, 401);
  assert.equal(expired.body.error.message, `The password is expired and needs to be changed for user: ${id}.`);
  assert.doesNotMatch((await logIn(id, 'wrong')).body.error.message, /expired/);
  assert.equal((await logIn(ignoring, 'old')).status, 201);
  assert.equal((await change(id, 'wrong', 'new')).status, 401);
  assert.equal((await change(id, 'old', 'new')).status, 204);
  assert.equal((await logIn(id, 'new')).status, 201);
});

test('a password that an administrator has set must be changed before it is used', async (t) => {
  const { identity, logIn, change, set } = await cloud(t, { change_password_upon_first_use: true });
  const options = { ignore_change_password_upon_first_use: true };
  const [id, service] = [
    await identity.aUser('fresh', { password: 'given' }),
    await identity.aUser('service', { password: 'given', options }),
  ];

  assert.equal((await logIn(id, 'given')).status, 401);
  assert.equal((await logIn(service, 'given')).status, 201);
  assert.equal((await change(id, 'given', 'own')).status, 204);
  assert.equal((await logIn(id, 'own')).status, 201);
  await set(id, { password: 'reset' });
  assert.equal((await logIn(id, 'reset')).status, 401);
});

test('who has not logged in for some days is disabled until an administrator enables the user', async (t) => {
  const { fixture, identity, logIn, set, show } = await cloud(t, { disable_user_account_days_inactive: 10 });
  const long = new Date(Date.now() - 10 * dayMs).toISOString();
  const [id, ignoring, never] = [
    await identity.aUser('away', { password: 'own' }),
    await identity.aUser('ignoring', { password: 'own', options: { ignore_user_inactivity: true } }),
    await identity.aUser('never', { password: 'own' }),
  ];
  assert.equal((await logIn(id, 'own')).status, 201);
  for (const user of [id, ignoring]) await fixture.store.users.update({ id: user }, { last_active_at: long.slice(0, 10) });
  await fixture.store.users.update({ id: never }, { created_at: long });

  assert.deepEqual([(await show(id)).enabled, (await show(ignoring)).enabled, (await show(never)).enabled], [false, true, false]);
  assert.deepEqual([(await logIn(id, 'own')).status, (await logIn(never, 'own')).status], [401, 401]);
  const project = await identity.aProject('theirs');
  await identity.send('PUT', `projects/${project}/users/${id}/roles/member`);
  const trust = { ...{ id: 'trust', trustor_user_id: id, trustee_user_id: ignoring, project_id: project, roles: ['member'] } };
  const rest = { impersonation: true, expires_at: null, remaining_uses: null, redelegated_trust_id: null, redelegation_count: 0 };
  await fixture.store.trusts.insert({ ...trust, ...rest });
  const password = { user: { id: ignoring, password: 'own' } };
  const trusted = () => identity.logInBy({ methods: ['password'], password }, { 'OS-TRUST:trust': { id: 'trust' } });
  assert.equal((await trusted()).body.error.message, 'Trustor is disabled.');
  const active = await identity.aUser('between', { password: 'own' });
  const first = { ...trust, ...rest, id: 'first', trustee_user_id: active, redelegation_count: 1 };
  await fixture.store.trusts.insert({ ...first, impersonation: false });
  const second = { ...trust, ...rest, id: 'second', trustor_user_id: active, redelegated_trust_id: 'first' };
  await fixture.store.trusts.insert({ ...second, impersonation: false });
  const redelegated = () => identity.logInBy({ methods: ['password'], password }, { 'OS-TRUST:trust': { id: 'second' } });
  assert.equal((await redelegated()).body.error?.message, 'One of the trust agents is disabled or deleted');
  await set(id, { enabled: true });
  assert.equal((await redelegated()).status, 201);
  assert.equal((await trusted()).status, 201);
  assert.equal((await logIn(id, 'own')).status, 201);
});

test('wrong passwords lock an account for a while, if a setting says so', async (t) => {
  const { fixture, identity, logIn, change, set } = await cloud(t, { lockout_failure_attempts: 3, lockout_duration: 60 });
  const id = await identity.aUser('locked', { password: 'own' });
  const options = { ignore_lockout_failure_attempts: true };
  const ignoring = await identity.aUser('unlocked', { password: 'own', options });
  const fail = async (user: string, times: number) => {
    for (let count = 0; count < times; count += 1) assert.equal((await logIn(user, 'wrong')).status, 401);
  };

  await fail(id, 2);
  assert.equal((await logIn(id, 'own')).status, 201);
  await fail(id, 3);
  const locked = await logIn(id, 'own');
  assert.deepEqual([locked.status, locked.body.error.message], [401, `The account is locked for user: ${id}.`]);
  assert.equal((await change(id, 'own', 'other')).status, 401);
  await fail(ignoring, 4);
  assert.equal((await logIn(ignoring, 'own')).status, 201);

  await set(id, { enabled: true });
  assert.equal((await logIn(id, 'own')).status, 201);
  await fail(id, 3);
  await fixture.store.users.update({ id }, { failed_login_at: new Date(Date.now() - 61_000).toISOString() });
  await fail(id, 1);
  assert.equal((await logIn(id, 'own')).status, 201);
});

test('without settings, no account is locked and no password expires', async (t) => {
  const { fixture, identity, logIn, show } = await cloud(t, {});
  const id = await identity.aUser('free', { password: 'own' });

  for (let count = 0; count < 4; count += 1) await logIn(id, 'wrong');

  assert.equal((await logIn(id, 'own')).status, 201);
  assert.equal((await show(id)).password_expires_at, null);
  assert.equal((await fixture.store.users.find({ id }))?.failed_logins, 0);
});
