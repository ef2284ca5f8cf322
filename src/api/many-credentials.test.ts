import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { openTwoProjects } from '#test/two-projects.ts';

const { fixture, member: headers, own } = await openTwoProjects();
after(() => fixture.close());
const { store } = fixture;
const post = (url: string, payload: object) => fixture.ask({ method: 'POST', url, headers, payload });
const user_id = own['users'];
const credentials = `/identity/v3/users/${user_id}/application_credentials`;
const keypairs = '/compute/v2.1/os-keypairs';

test('limits a user to a hundred application credentials, also by concurrent requests', async () => {
  const [row] = await store.application_credentials.list({ user_id: user_id ?? '' });
  for (let at = 1; at < 99; at++) await store.application_credentials.insert({ ...row, id: `c${at}`, name: `c${at}` });
  const create = (name: string) => post(credentials, { application_credential: { name } });

  const together = await Promise.all([create('x'), create('y')]);
  const refused = await create('z');
  const removed = await fixture.ask({ method: 'DELETE', url: `${credentials}/c1`, headers });
  const again = await create('z');

  assert.deepEqual(together.map(({ status }) => status).sort(), [201, 403]);
  assert.deepEqual([refused.status, refused.body.error.code], [403, 403]);
  assert.match(refused.body.error.message, /maximum of 100 already exceeded for user/);
  assert.deepEqual([removed.status, again.status], [204, 201]);
});

test('limits the description of an application credential to 255 characters', async () => {
  await store.application_credentials.remove({ id: ['c2', 'c3'] });
  const create = (description: string) =>
    post(credentials, { application_credential: { name: `described ${description.length}`, description } });

  const longest = await create('x'.repeat(255));
  const longer = await create('x'.repeat(256));

  assert.deepEqual([longest.status, longer.status], [201, 400]);
});

test('limits a user to a hundred key pairs, as the quota states', async () => {
  const [row] = await store.keypairs.list({ user_id: user_id ?? '' });
  for (let at = 1; at < 99; at++) await store.keypairs.insert({ ...row, name: `k${at}` });
  const create = (name: string) => post(keypairs, { keypair: { name } });

  const together = await Promise.all([create('x'), create('y')]);
  const refused = await create('z');
  const removed = await fixture.ask({ method: 'DELETE', url: `${keypairs}/k1`, headers });
  const again = await create('z');
  const limits = await fixture.ask({ url: '/compute/v2.1/limits', headers });

  assert.deepEqual(together.map(({ status }) => status).sort(), [200, 403]);
  assert.deepEqual(refused.body, { forbidden: { code: 403, message: 'Quota exceeded, too many key pairs.' } });
  assert.deepEqual([removed.status, again.status], [202, 200]);
  assert.equal(limits.body.limits.absolute.maxTotalKeypairs, 100);
});
