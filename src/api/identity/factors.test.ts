/** Logins with several methods: passcodes by time, the rules of a user, and receipts. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, test } from 'node:test';
import { type ApiFixture, openApiFixture } from '#test/api-fixture.ts';
import { identityOf, password } from '#test/identity-requests.ts';

let fixture: ApiFixture;
let identity: ReturnType<typeof identityOf>;
before(async () => {
  fixture = await openApiFixture({ clock: () => 0 });
  identity = identityOf(fixture);
});
after(() => fixture.close());

/** "12345678901234567890" in base32. */
const secret = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';

/** As an authenticator app shows it. */
function passcode(): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000)));
  const digest = createHmac('sha1', '12345678901234567890').update(counter).digest();
  const number = digest.readUInt32BE((digest.at(-1) ?? 0) & 15) & 0x7fffffff;
  return String(number % 1e6).padStart(6, '0');
}

const byPassword = (id: string) => ({ methods: ['password'], password: { user: { id, password } } });
const byTotp = (id: string, code = passcode()) => ({ methods: ['totp'], totp: { user: { id, passcode: code } } });
const byBoth = (id: string, code = passcode()) => ({ ...byPassword(id), ...byTotp(id, code), methods: ['password', 'totp'] });

async function aUser(name: string, options: object = {}) {
  const [user, project] = [await identity.aUser(name, { options }), await identity.aProject(name)];
  await identity.send('PUT', `projects/${project}/users/${user}/roles/member`);
  await identity.send('POST', 'credentials', { credential: { type: 'totp', blob: secret, user_id: user } });
  return { user, project, scope: { project: { id: project } } };
}

async function logInWith(receipt: string, login: object, scope: object) {
  const reply = await fixture.app.inject({
    ...{ method: 'POST', url: '/identity/v3/auth/tokens', headers: { 'openstack-auth-receipt': receipt } },
    payload: { auth: { identity: login, scope } },
  });
  return { status: reply.statusCode, body: reply.json() };
}

const rules = { multi_factor_auth_rules: [['password', 'totp']] };

test('a passcode alone is a login where no rules ask for more, and a wrong one is none', async () => {
  const { user, scope } = await aUser('passcode');
  const { status, body } = await identity.logInBy(byTotp(user), scope);
  assert.deepEqual([status, body.token.methods], [201, ['totp']]);
  const wrong = passcode() === '000000' ? '000001' : '000000';
  assert.equal((await identity.logInBy(byTotp(user, wrong), scope)).status, 401);
  assert.equal((await identity.logInBy(byTotp(await identity.aUser('without')), scope)).status, 401);
});

test('with rules, one method gives a receipt, and the receipt with the other method a token', async () => {
  const { user, scope } = await aUser('ruled', rules);
  const { status, headers, body } = await identity.logInBy(byPassword(user), scope);
  assert.deepEqual([status, headers['x-subject-token']], [401, undefined]);
  assert.deepEqual(
    [body.receipt.methods, body.receipt.user.id, body.required_auth_methods],
    [['password'], user, [['password', 'totp']]],
  );
  const receipt = String(headers['openstack-auth-receipt']);

  const second = await logInWith(receipt, byTotp(user), scope);
  assert.deepEqual([second.status, second.body.token.methods], [201, ['password', 'totp']]);
  const whole = await identity.logInBy(byBoth(user), scope);
  assert.equal(whole.status, 201);
  const exchanged = await identity.logInBy({ methods: ['token'], token: { id: whole.token } }, scope);
  assert.equal(exchanged.status, 201, 'the methods of the former token count');
});

test('a receipt is of its user, ends with a new password, is no token, and cannot be made', async (t) => {
  const [one, two] = [await aUser('receipt-1', rules), await aUser('receipt-2', rules)];
  const receiptOf = async (user: string) => {
    const { headers } = await identity.logInBy(byPassword(user), one.scope);
    return String(headers['openstack-auth-receipt']);
  };
  const receipt = await receiptOf(one.user);
  assert.equal((await logInWith(receipt, byTotp(two.user), two.scope)).status, 401);
  assert.equal((await logInWith(`${receipt}x`, byTotp(one.user), one.scope)).status, 401);
  assert.equal((await logInWith('', byTotp(one.user), one.scope)).status, 401);
  const token = await identity.tokenOf(await identity.aUser('other'), 'unscoped');
  assert.equal((await logInWith(token, byTotp(one.user), one.scope)).status, 401);
  assert.equal(await identity.statusOf('GET', 'auth/projects', undefined, receipt), 401);
  await identity.send('PATCH', `users/${one.user}`, { user: { password } });
  assert.equal((await logInWith(receipt, byTotp(one.user), one.scope)).status, 401);
  const fresh = await receiptOf(one.user);
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 300_000 });
  assert.equal((await logInWith(fresh, byTotp(one.user), one.scope)).status, 401, 'after five minutes');
});

test('no other way of logging in leaves the rules out', async () => {
  const { user, project, scope } = await aUser('strict', rules);
  const { token } = await identity.logInBy(byBoth(user), scope);
  const payload = { application_credential: { name: 'robot' } };
  const { application_credential } = await identity.send('POST', `users/${user}/application_credentials`, payload, token);
  const { id, secret: key } = application_credential;
  const robot = { methods: ['application_credential'], application_credential: { id, secret: key } };
  assert.equal((await identity.logInBy(robot)).status, 401, 'as in Keystone');
  await identity.send('PATCH', `users/${user}`, { user: { default_project_id: project } });
  const authorization = `Basic ${Buffer.from(`strict:${password}`).toString('base64')}`;
  const basic = await fixture.app.inject({ url: '/baremetal/v1/nodes', headers: { authorization } });
  assert.equal(basic.statusCode, 401);
  const mixed = { ...byPassword(user), ...byTotp(await identity.aUser('accomplice')), methods: ['password', 'totp'] };
  assert.equal((await identity.logInBy(mixed, scope)).status, 401);
});

test('rules of which no method exists ask for nothing, and neither do those that are switched off', async () => {
  for (const [name, options] of Object.entries({
    unknown: { multi_factor_auth_rules: [['x509']] },
    off: { ...rules, multi_factor_auth_enabled: false },
  })) {
    const { user, scope } = await aUser(name, options);
    assert.equal((await identity.logInBy(byPassword(user), scope)).status, 201, name);
  }
});

test('options of a user are set, shown and unset; no one sets their own', async () => {
  const { user, scope } = await aUser('optional', { lock_password: true });
  const token = await identity.tokenOf(user, scope);
  const change = { user: { original_password: password, password: 'another password' } };
  assert.match(await identity.messageOf('POST', `users/${user}/password`, change, token), /^You cannot change your password/);
  assert.equal(await identity.statusOf('PATCH', `users/${user}`, { user: { options: {} } }, token), 403);
  for (const options of [{ unknown: true }, { multi_factor_auth_rules: [[]] }, { lock_password: 'yes' }])
    assert.equal(await identity.statusOf('PATCH', `users/${user}`, { user: { options } }), 400);
  const set = { user: { options: { lock_password: null, ignore_password_expiry: true } } };
  const shown = await identity.send('PATCH', `users/${user}`, set);
  assert.deepEqual(shown.user.options, { ignore_password_expiry: true });
  assert.equal(await identity.statusOf('POST', `users/${user}/password`, change, token), 204);
});

test('guesses of passcodes are limited', async () => {
  const { user, scope } = await aUser('guessed');
  const wrong = passcode() === '111111' ? '222222' : '111111';
  const statuses = [];
  for (let count = 0; count < 12; count++) statuses.push((await identity.logInBy(byTotp(user, wrong), scope)).status);
  assert.equal(statuses.at(-1), 429);
});
