/** What tokens of a trust must not be used for, and trusts that are made by the tokens of others. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { openTrusts } from '#test/trust-requests.ts';

const { fixture, identity, trusts } = await openTrusts();
after(() => fixture.close());

/** A trust that may be redelegated, the token of its trustee, and a third user. */
async function redelegable(fields: object = {}) {
  const of = await trusts.parties();
  const roles = [{ name: 'member' }, { name: 'reader' }];
  const { id } = await trusts.aTrust(of, { allow_redelegation: true, roles, ...fields });
  return { ...of, id, token: await trusts.tokenFor(of.trustee.id, id), third: await trusts.aParty(of.elsewhere) };
}

/** From the trustee of such a trust to the third user. */
const onwards = (of: Awaited<ReturnType<typeof redelegable>>, impersonation = true) => ({
  project: of.project,
  trustor: { ...(impersonation ? of.trustor : of.trustee), token: of.token },
  trustee: of.third,
});

test('a token of a trust cannot be exchanged, also not for another method or scope', async () => {
  const of = await redelegable();
  const by = { methods: ['token'], token: { id: of.token } };
  const password = { user: { id: of.trustee.id, password: 'a long password' } };

  for (const scope of [undefined, 'unscoped', { project: { id: of.project } }, { 'OS-TRUST:trust': { id: of.id } }]) {
    const { status, body } = await identity.logInBy(by, scope);
    assert.equal(status, 403);
    assert.match(body.error.message, /Using trust-scoped token to create another token/);
  }
  assert.equal((await identity.logInBy({ ...by, methods: ['token', 'password'], password })).status, 403);
});

test('a token of a trust has nothing to do with application credentials, access rules and keys of its user', async () => {
  const of = await redelegable();
  const own = `users/${of.trustor.id}`;
  const rule = { service: 'compute', method: 'GET', path: '/v2.1/servers' };
  const made = { application_credential: { name: 'own', access_rules: [rule] } };
  const { application_credential } = await identity.send('POST', `${own}/application_credentials`, made, of.trustor.token);
  const rules = `${own}/access_rules/${application_credential.access_rules[0].id}`;
  const secret = { type: 'totp', blob: 'JBSWY3DPEHPK3PXP', user_id: of.trustor.id };
  const totp = (await identity.send('POST', 'credentials', { credential: secret }, of.trustor.token)).credential;
  const keys = { credential: { type: 'ec2', blob: '{"access":"a"}', user_id: of.trustor.id, project_id: of.project } };
  const refused = [
    ['GET', `${own}/application_credentials`],
    ['GET', `${own}/application_credentials/${application_credential.id}`],
    ['DELETE', `${own}/application_credentials/${application_credential.id}`],
    ['POST', `${own}/application_credentials`, { application_credential: { name: 'new' } }],
    ['GET', `${own}/access_rules`],
    ['GET', rules],
    ['DELETE', rules],
    ['GET', `credentials/${totp.id}`],
    ['DELETE', `credentials/${totp.id}`],
    ['POST', 'credentials', keys],
    ['POST', 'credentials', { credential: secret }],
    ['POST', `${own}/credentials/OS-EC2`, { tenant_id: of.project }],
  ] as const;

  for (const [method, path, payload] of refused)
    assert.equal(await identity.statusOf(method, path, payload, of.token), 403, `${method} ${path}`);
  assert.deepEqual((await identity.send('GET', 'credentials', undefined, of.token)).credentials, []);
});

test('tokens of application credentials have nothing to do with trusts', async () => {
  const of = await redelegable();
  const payload = { application_credential: { name: 'program' } };
  const path = `users/${of.trustor.id}/application_credentials`;
  const { id, secret } = (await identity.send('POST', path, payload, of.trustor.token)).application_credential;
  const { token } = await identity.logInBy({ methods: ['application_credential'], application_credential: { id, secret } });
  const trust = `OS-TRUST/trusts/${of.id}`;

  for (const url of [`OS-TRUST/trusts?trustor_user_id=${of.trustor.id}`, trust, `${trust}/roles`, `${trust}/roles/member`])
    assert.equal(await identity.statusOf('GET', url, undefined, token), 403, url);
  assert.match(await identity.messageOf('DELETE', trust, undefined, token), /is not allowed for managing trusts/);
  assert.match(String((await trusts.create(of, {}, token)).body.error.message), /is not allowed for managing trusts/);
});

test('a trust that may be redelegated has a chain of at most three others', async () => {
  const of = await redelegable();
  const second = await trusts.aTrust(onwards(of), { allow_redelegation: true });
  const secondToken = await trusts.tokenFor(of.third.id, second.id);
  const fourth = await trusts.aParty(of.elsewhere);
  const next = { project: of.project, trustor: { ...of.trustor, token: secondToken }, trustee: fourth };
  const third = await trusts.aTrust(next, { allow_redelegation: true, redelegation_count: 1 });
  const thirdToken = await trusts.tokenFor(fourth.id, third.id);
  const beyond = { ...next, trustor: { ...of.trustor, token: thirdToken } };
  const last = await trusts.aTrust(beyond);
  const lastToken = await trusts.tokenFor(fourth.id, last.id);

  const counts = [second, third, last].map(({ redelegation_count, redelegated_trust_id }) => [
    redelegation_count,
    redelegated_trust_id,
  ]);
  assert.deepEqual(counts, [
    [2, of.id],
    [1, second.id],
    [0, third.id],
  ]);
  assert.deepEqual(await identity.rolesOf(lastToken), ['reader']);
  const refused = await trusts.create({ ...beyond, trustor: { ...of.trustor, token: lastToken } });
  assert.deepEqual(
    [refused.status, refused.body.error.message],
    [403, 'Remaining redelegation depth of 0 out of allowed range of [0..3]'],
  );
});

test('a redelegated trust gives no more than the one before it', async () => {
  const of = await redelegable({ expires_at: new Date(Date.now() + 3_600_000).toISOString(), roles: [{ name: 'reader' }] });
  await identity.send('PUT', `projects/${of.elsewhere}/users/${of.trustor.id}/roles/reader`);
  const later = new Date(Date.now() + 7_200_000).toISOString();
  const cases = [
    [{ roles: [{ name: 'member' }] }, /not in redelegated trust/],
    [{ expires_at: later }, /more than redelegated trust can provide/],
    [{ remaining_uses: 3 }, /must not be set in order to redelegate a trust/],
    [{ project_id: of.elsewhere }, /not that of the redelegated trust/],
    [{ allow_redelegation: true, redelegation_count: 3 }, /Modifying "redelegation_count"/],
    [{ allow_redelegation: true, redelegation_count: 4 }, /greater than allowed 3/],
  ] as const;

  for (const [fields, expected] of cases) {
    const { status, body } = await trusts.create(onwards(of), fields);
    assert.equal(status, 403, JSON.stringify(fields));
    assert.match(body.error.message, expected);
  }
  assert.equal((await trusts.create(onwards(of), { allow_redelegation: true, remaining_uses: 1 })).status, 400);
  const { expires_at, redelegated_trust_id } = await trusts.aTrust(onwards(of));
  assert.equal(redelegated_trust_id, of.id);
  assert.ok(expires_at < later);
});

test('who acts in their own name cannot let others act as the trustor', async () => {
  const of = await redelegable({ impersonation: false });

  const refused = await trusts.create(onwards(of, false), { impersonation: true });
  const { id } = await trusts.aTrust(onwards(of, false), { impersonation: false });
  const { status, body } = await trusts.logIn(of.third.id, id);

  assert.match(refused.body.error.message, /Impersonation is not allowed because redelegated trust does not specify/);
  assert.equal(status, 201, JSON.stringify(body));
  assert.equal(body.token.user.id, of.third.id);
  // The trustee in the middle has no role in the project: the roles are those of the first trustor.
  await identity.send('DELETE', `projects/${of.project}/users/${of.trustor.id}/roles/member`);
  assert.equal((await trusts.logIn(of.third.id, id)).status, 403);
});

test('a request cannot say from which trust its own was redelegated', async () => {
  const of = await redelegable();
  const thief = await trusts.aParty(of.elsewhere);
  const stolen = { project: of.project, trustor: thief, trustee: of.third };

  const { status } = await trusts.create(stolen, { redelegated_trust_id: of.id });

  assert.equal(status, 404);
  assert.equal((await trusts.create(of, { redelegated_trust_id: of.id })).body.trust.redelegated_trust_id, null);
});

test('a chain ends with each of its trusts and users', async () => {
  const of = await redelegable();
  const { id } = await trusts.aTrust(onwards(of));
  const token = await trusts.tokenFor(of.third.id, id);
  const change = (enabled: boolean) => identity.send('PATCH', `users/${of.trustee.id}`, { user: { enabled } });

  await change(false);
  const disabled = await trusts.logIn(of.third.id, id);
  assert.equal(disabled.body.error.message, 'One of the trust agents is disabled or deleted');
  assert.equal(await identity.rolesOf(token), undefined);
  await change(true);
  const again = await trusts.tokenFor(of.third.id, id);
  await identity.send('DELETE', `OS-TRUST/trusts/${of.id}`);

  assert.equal(await identity.rolesOf(again), undefined);
  assert.equal((await trusts.logIn(of.third.id, id)).status, 401);
  assert.equal(await fixture.store.trusts.find({ id }), undefined);
});

test('a token of a trust ends its own trust and what follows from it, and no other of the trustor', async () => {
  const of = await redelegable();
  const other = await trusts.aTrust(of);
  const { id } = await trusts.aTrust(onwards(of));
  const remove = (trust: string) => identity.statusOf('DELETE', `OS-TRUST/trusts/${trust}`, undefined, of.token);

  assert.equal(await remove(other.id), 403);
  assert.equal(await remove(id), 204);
  assert.equal(await remove(of.id), 204);
  assert.equal(await identity.rolesOf(of.token), undefined);
  assert.notEqual(await fixture.store.trusts.find({ id: other.id }), undefined);
});
