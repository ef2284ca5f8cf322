/** Unrestricted application credentials: their tokens may manage others, and nothing else that those of others may not. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { openTrusts } from '#test/trust-requests.ts';

const { fixture, identity, trusts } = await openTrusts();
after(() => fixture.close());

async function aMember(unrestricted: boolean) {
  const of = await trusts.parties();
  const path = `users/${of.trustor.id}/application_credentials`;
  const create = (fields: object, token: string) =>
    identity.ask('POST', path, { application_credential: { name: 'made', ...fields } }, token);
  const { application_credential } = (await create({ name: 'own', unrestricted, roles: [{ name: 'reader' }] }, of.trustor.token))
    .body;
  const { id, secret } = application_credential;
  const { token, body } = await identity.logInBy({
    methods: ['application_credential'],
    application_credential: { id, secret },
  });
  return { of, path, create, shown: application_credential, token, body: body.token };
}

test('is shown as such, by itself and in its tokens', async () => {
  for (const unrestricted of [true, false]) {
    const { path, shown, body, of } = await aMember(unrestricted);
    assert.equal(shown.unrestricted, unrestricted);
    assert.equal(body.application_credential.restricted, !unrestricted);
    const again = await identity.send('GET', `${path}/${shown.id}`, undefined, of.trustor.token);
    assert.equal(again.application_credential.unrestricted, unrestricted);
  }
});

test('its tokens make and delete application credentials with the roles that they have', async () => {
  const { path, create, token } = await aMember(true);

  const made = await create({}, token);
  const wider = await create({ name: 'wider', roles: [{ name: 'member' }] }, token);

  assert.equal(made.status, 201, JSON.stringify(made.body));
  const names = made.body.application_credential.roles.map(({ name }: { name: string }) => name);
  assert.deepEqual(names, ['reader']);
  assert.equal(wider.status, 400);
  const url = `${path}/${made.body.application_credential.id}`;
  assert.equal(await identity.statusOf('DELETE', url, undefined, token), 204);
});

test('its tokens neither make trusts and EC2 keys, nor are exchanged', async () => {
  const { of, token } = await aMember(true);

  const keys = await identity.statusOf('POST', `users/${of.trustor.id}/credentials/OS-EC2`, { tenant_id: of.project }, token);
  const trust = await trusts.create(of, {}, token);
  const exchanged = await identity.logInBy({ methods: ['token'], token: { id: token } });

  assert.deepEqual([keys, trust.status, exchanged.status], [403, 403, 403]);
});

test('tokens of any other application credential manage none', async () => {
  const { path, create, shown, token } = await aMember(false);

  const { status, body } = await create({ unrestricted: true }, token);

  assert.equal(status, 403);
  assert.match(body.error.message, /is not allowed for managing additional application credentials/);
  assert.equal(await identity.statusOf('DELETE', `${path}/${shown.id}`, undefined, token), 403);
});
