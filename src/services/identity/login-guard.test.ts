/** Failed logins over restarts. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { aLastingStore } from '#test/a-store.ts';
import { faultOf } from '#test/fault-of.ts';
import { type Attempt, LoginGuard } from './login-guard.ts';
import { limitTable } from './login-limits.ts';
import { checkPassword, hashPassword } from './passwords.ts';

const secret = Buffer.alloc(32, 1);
const client = { address: '192.0.2.7', log: { warn() {} }, isGone: () => false };
const wrong = { code: 'unauthorized' };
const spent = { code: 'tooManyRequests' };

async function aFixture(t: TestContext) {
  const { store, restart } = await aLastingStore(t);
  const user: Attempt = { account: 'bob-id', user_id: 'bob-id', secret: 'right', hash: await hashPassword('right') };
  const guess = { ...user, secret: 'wrong' };
  const guard = new LoginGuard(store, { secret });
  const exhaust = async (attempt: Attempt) => {
    for (let count = 0; count < limitTable.pair.burst; count++) await assert.rejects(guard.check(client, attempt), wrong);
    await assert.rejects(guard.check(client, attempt), spent);
  };
  return { store, restart, guard, exhaust, user, guess };
}

test('a restart allows no further guesses: of an account, of a name that does not exist, from a known address', async (t) => {
  const { restart, exhaust, guard, user, guess } = await aFixture(t);
  const nobody: Attempt = { account: 'nobody', user_id: undefined, secret: 'wrong', hash: undefined };
  const known = { ...client, address: '198.51.100.1' };
  await exhaust(guess);
  await exhaust(nobody);
  await guard.check(known, user);
  for (let count = 0; count < limitTable.known.burst; count++) await assert.rejects(guard.check(known, guess), wrong);

  const later = new LoginGuard(await restart(), { secret });

  await assert.rejects(later.check(client, user), spent);
  await assert.rejects(later.check(client, nobody), spent);
  await assert.rejects(later.check(known, user), spent);
  await assert.rejects(later.check({ ...client, address: '203.0.113.9' }, guess), wrong);
});

test('right secrets write nothing and give their attempts back', async (t) => {
  const { store, guard, user } = await aFixture(t);
  await guard.check(client, user);
  assert.deepEqual(await store.failed_logins.list(), []);
});

test('a secret that was right is not hashed again, until the hash is another', async (t) => {
  const { store, user } = await aFixture(t);
  const hashed: string[] = [];
  const check = (given: string, hash: string | undefined) => {
    hashed.push(given);
    return checkPassword(given, hash);
  };
  const guard = new LoginGuard(store, { secret, check });
  await assert.rejects(guard.check(client, { ...user, secret: 'wrong' }), wrong);
  await guard.check(client, user);
  await guard.check(client, user);
  await assert.rejects(guard.check(client, { ...user, secret: 'wrong' }), wrong);
  await guard.check(client, { ...user, hash: await hashPassword('right') });
  await assert.rejects(guard.check(client, { ...user, hash: undefined }), wrong);
  assert.deepEqual(hashed, ['wrong', 'right', 'wrong', 'right', 'right']);
});

test('a known secret is not told beyond the limits', async (t) => {
  const { guard, exhaust, user, guess } = await aFixture(t);
  const known = { ...client, address: '198.51.100.1' };
  await guard.check(known, user);
  await exhaust(guess);
  await assert.rejects(guard.check(client, user), spent);
});

test('what decides in place of a hash is asked each time', async (t) => {
  const { guard, user } = await aFixture(t);
  const asked: string[] = [];
  const attempt = { ...user, test: (given: string) => asked.push(given) > 0 };
  await guard.check(client, attempt);
  await guard.check(client, attempt);
  assert.deepEqual(asked, ['right', 'right']);
});

test('a clock that was set back before the restart prolongs a limit by no more than a burst', async (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: Date.parse('2027-11-29T10:00:00Z') });
  const { restart, exhaust, user, guess } = await aFixture(t);
  await exhaust(guess);

  t.mock.timers.setTime(Date.parse('2026-11-29T10:00:00Z'));
  let now = 0;
  const later = new LoginGuard(await restart(), { secret, now: () => now });

  const fault = await faultOf(later.check(client, user));
  assert.equal(fault.code, 'tooManyRequests');
  now = limitTable.pair.burst * limitTable.pair.everyMs;
  await later.check(client, user);
});

test('the rows of failures that limit nothing any more are removed by the next failure', async (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: Date.parse('2026-11-29T10:00:00Z') });
  const { store, guard, guess } = await aFixture(t);
  await assert.rejects(guard.check(client, guess), wrong);
  const [first] = await store.failed_logins.list({ kind: 'account' });

  t.mock.timers.tick(3_600_000);
  await assert.rejects(guard.check(client, { ...guess, account: 'eve-id', user_id: 'eve-id' }), wrong);

  const keys = (await store.failed_logins.list()).map(({ key }) => key);
  assert.equal(first?.key, 'bob-id');
  assert.ok(!keys.includes('bob-id') && keys.includes('eve-id'));
});

test('names and addresses appear in no row before their user has logged in there', async (t) => {
  const { store, guard } = await aFixture(t);
  const attempt = { account: 'my password by mistake', user_id: undefined, secret: 'wrong', hash: undefined };
  await assert.rejects(guard.check(client, attempt), wrong);
  const keys = (await store.failed_logins.list()).map(({ key }) => key);
  assert.equal(keys.length, 3);
  assert.ok(keys.every((key) => /^#\d+$/.test(key)));
});

test('a failure that cannot be stored is answered and counted all the same', async (t) => {
  const { store, exhaust, guess } = await aFixture(t);
  t.mock.method(store, 'transaction', () => Promise.reject(new Error('the disk is full')));
  await exhaust(guess);
});
