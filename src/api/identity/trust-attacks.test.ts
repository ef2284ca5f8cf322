/** Trusts as a way to more than was meant to be delegated. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { password } from '#test/identity-requests.ts';
import { openTrusts } from '#test/trust-requests.ts';

const { fixture, identity, trusts } = await openTrusts();
after(() => fixture.close());

test('who resets the password of a trustee does not get what was delegated to the trustee', async () => {
  const domain_id = await identity.aDomain('managed');
  const manager = await identity.aUser('manager', { domain_id });
  await identity.send('PUT', `domains/${domain_id}/users/${manager}/roles/manager`);
  const managers = await identity.tokenOf(manager, { domain: { id: domain_id } });
  const of = await trusts.parties('manager');
  const trustee = { id: await identity.aUser('trustee', { domain_id }), token: '' };
  const reset = (token?: string) => identity.statusOf('PATCH', `users/${trustee.id}`, { user: { password } }, token);
  const within = await identity.aProject('within', { domain_id });
  const other = await identity.aUser('another', { domain_id });
  await identity.send('PUT', `projects/${within}/users/${other}/roles/member`);
  const trustor = { id: other, token: await identity.tokenOf(other, { project: { id: within } }) };
  const narrow = await trusts.aTrust({ project: within, trustor, trustee });
  const wide = await trusts.aTrust({ ...of, trustee });

  assert.equal(await reset(), 200);
  assert.equal((await trusts.logIn(trustee.id, wide.id)).status, 201, 'an administrator has these rights anyway');
  assert.equal(await reset(managers), 200);
  assert.equal((await trusts.logIn(trustee.id, wide.id)).status, 401);
  assert.equal((await trusts.logIn(trustee.id, narrow.id)).status, 201, 'the manager could have assigned this role');
});

test('a trust that was used up can be deleted, with its last token', async () => {
  const of = await trusts.parties();
  const { id } = await trusts.aTrust(of, { remaining_uses: 1 });
  const token = await trusts.tokenFor(of.trustee.id, id);
  assert.equal(await identity.statusOf('GET', `OS-TRUST/trusts/${id}`, undefined, of.trustor.token), 404);
  assert.equal(await identity.statusOf('DELETE', `OS-TRUST/trusts/${id}`, undefined, of.trustee.token), 403);

  assert.equal(await identity.statusOf('DELETE', `OS-TRUST/trusts/${id}`, undefined, of.trustor.token), 204);
  assert.equal(await identity.rolesOf(token), undefined);
  assert.equal(await identity.statusOf('DELETE', `OS-TRUST/trusts/${id}`, undefined, of.trustor.token), 404);
});

test('an end that sorts before today is no end', async () => {
  const of = await trusts.parties();
  for (const expires_at of ['+010000-01-01T00:00:00.000Z', '+275760-09-13T00:00:00.000Z', '-000001-01-01T00:00:00.000Z'])
    assert.equal((await trusts.create(of, { expires_at })).status, 400, expires_at);
});
