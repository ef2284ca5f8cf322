/** Revoked tokens in a list, and expired ones that services may still validate. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type ApiFixture, adminPassword, openApiFixture } from '#test/api-fixture.ts';
import { identityOf } from '#test/identity-requests.ts';

let fixture: ApiFixture;
let identity: ReturnType<typeof identityOf>;
before(async () => {
  fixture = await openApiFixture();
  identity = identityOf(fixture);
});
after(() => fixture.close());

const url = '/identity/v3/auth/tokens';
const hours = 3_600_000;

async function aToken(name: string): Promise<string> {
  const [user, project] = [await identity.aUser(name), await identity.aProject(name)];
  await identity.send('PUT', `projects/${project}/users/${user}/roles/service`);
  return identity.tokenOf(user, { project: { id: project } });
}

test('a revoked token is in the list of events, which services may see', async () => {
  const [token, service] = [await aToken('revoked'), await aToken('service')];
  const headers = { 'x-auth-token': token, 'x-subject-token': token };
  const [audit_id] = (await fixture.ask({ url, headers })).body.token.audit_ids;
  const start = new Date(Date.now() - 60_000).toISOString();
  await fixture.ask({ method: 'DELETE', url, headers });

  const { events } = await identity.send('GET', `OS-REVOKE/events?since=${start}`, undefined, service);
  assert.ok(
    events.some((each: { audit_id: string; issued_before: string }) => each.audit_id === audit_id && each.issued_before > start),
  );
  const later = new Date(Date.now() + 60_000).toISOString();
  assert.deepEqual((await identity.send('GET', `OS-REVOKE/events?since=${later}`, undefined, service)).events, []);
  assert.equal(await identity.statusOf('GET', 'OS-REVOKE/events?since=yesterday', undefined, service), 400);
  const user = await identity.aUser('none');
  assert.equal(await identity.statusOf('GET', 'OS-REVOKE/events', undefined, await identity.tokenOf(user, 'unscoped')), 403);
  assert.equal(await identity.statusOf('GET', 'auth/tokens/OS-PKI/revoked'), 403);
});

test('a token that expired within two days is validated on request, unless it was revoked', async (t) => {
  const [expired, revoked] = [await aToken('expired'), await aToken('ended')];
  await fixture.ask({ method: 'DELETE', url, headers: { 'x-subject-token': revoked } });
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 40 * hours });
  const service = await fixture.logIn('admin', adminPassword);
  const validate = async (token: string, query: string) =>
    (await fixture.ask({ url: `${url}${query}`, headers: { 'x-auth-token': service, 'x-subject-token': token } })).status;

  assert.equal(await validate(expired, ''), 404);
  assert.equal(await validate(expired, '?allow_expired=0'), 404);
  assert.equal(await validate(expired, '?allow_expired=1'), 200);
  assert.equal(await validate(expired, ''), 404, 'that it was validated makes it no valid one');
  assert.equal(await validate(revoked, '?allow_expired=1'), 404);
  assert.equal((await fixture.ask({ url, headers: { 'x-auth-token': expired, 'x-subject-token': expired } })).status, 401);
  t.mock.timers.setTime(Date.now() + 21 * hours);
  const later = await fixture.logIn('admin', adminPassword);
  const headers = { 'x-auth-token': later, 'x-subject-token': expired };
  assert.equal((await fixture.ask({ url: `${url}?allow_expired=1`, headers })).status, 404);
});
