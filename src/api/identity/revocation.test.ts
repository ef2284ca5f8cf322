/** What revokes tokens permanently. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type ApiFixture, openApiFixture } from '#test/api-fixture.ts';

const base = '/identity/v3';
let fixture: ApiFixture;
let count = 0;
before(async () => {
  fixture = await openApiFixture();
});
after(() => fixture.close());

async function send(method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, payload?: object, token?: string) {
  const headers = token === undefined ? {} : { 'x-auth-token': token };
  const reply = await fixture.ask({ method, url: `${base}${path}`, headers, ...(payload && { payload }) });
  assert.ok(reply.status < 300, `${method} ${path}: ${reply.status} ${JSON.stringify(reply.body)}`);
  return reply.body;
}

/** A user with the role member in a project of their own, and a token for it. */
async function aMember() {
  const name = `user-${++count}`;
  const { project } = await send('POST', '/projects', { project: { name } });
  const { user } = await send('POST', '/users', { user: { name, password: 'secret', default_project_id: project.id } });
  const role = `/projects/${project.id}/users/${user.id}/roles/member`;
  await send('PUT', role);
  const logIn = () => fixture.logIn(name, 'secret', name);
  return { name, user, project, role, logIn, token: await logIn() };
}

async function isGood(token: string): Promise<boolean> {
  const { status } = await fixture.ask({ url: '/network/v2.0/networks', headers: { 'x-auth-token': token } });
  const { status: identity } = await fixture.ask({ url: `${base}/auth/projects`, headers: { 'x-auth-token': token } });
  assert.equal(identity, status);
  return status === 200;
}

async function exchange(token: string, scope: unknown) {
  const payload = { auth: { identity: { methods: ['token'], token: { id: token } }, scope } };
  const reply = await fixture.app.inject({ method: 'POST', url: `${base}/auth/tokens`, payload });
  return { status: reply.statusCode, token: String(reply.headers['x-subject-token']), body: reply.json() };
}

/** Texts that decoders accept as the same token. */
function disguises(token: string): string[] {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const last = alphabet.indexOf(token.at(-1) ?? '');
  const [body = '', signature = ''] = token.split('.');
  return [
    `${token}=`,
    `${body}==.${signature}`,
    `${body}.${signature.slice(0, 5)}!${signature.slice(5)}`,
    ...[1, 2, 3].map((bits) => token.slice(0, -1) + alphabet[last ^ bits]),
  ];
}

test('rejects every other spelling of a token, before and after its revocation', async () => {
  const { token } = await aMember();
  assert.ok(await isGood(token));
  for (const text of disguises(token)) assert.ok(!(await isGood(text)), text);

  const headers = { 'x-auth-token': token, 'x-subject-token': token };
  assert.equal((await fixture.ask({ method: 'DELETE', url: `${base}/auth/tokens`, headers })).status, 204);

  for (const text of [token, ...disguises(token)]) assert.ok(!(await isGood(text)), text);
});

test('revoking a token also revokes the tokens exchanged for it', async () => {
  const { name, token } = await aMember();
  const scope = { project: { name, domain: { id: 'default' } } };
  const unscoped = await exchange(token, 'unscoped');
  const again = await exchange(unscoped.token, scope);
  const [own, root] = again.body.token.audit_ids;
  assert.notEqual(own, root);
  assert.deepEqual(unscoped.body.token.audit_ids[1], root);
  assert.ok(await isGood(again.token));

  const headers = { 'x-subject-token': token };
  assert.equal((await fixture.ask({ method: 'DELETE', url: `${base}/auth/tokens`, headers })).status, 204);

  assert.ok(!(await isGood(again.token)));
  assert.equal((await exchange(unscoped.token, scope)).status, 401);
  const gone = await fixture.ask({ url: `${base}/auth/tokens`, headers: { 'x-subject-token': again.token } });
  assert.equal(gone.status, 404);
});

test('a token of another user can be neither read nor revoked', async () => {
  const [mine, theirs] = [await aMember(), await aMember()];
  const headers = { 'x-auth-token': mine.token, 'x-subject-token': theirs.token };
  for (const method of ['GET', 'HEAD', 'DELETE'] as const) {
    assert.equal((await fixture.ask({ method, url: `${base}/auth/tokens`, headers })).status, 404, method);
  }
  assert.ok(await isGood(theirs.token));
});

type Member = Awaited<ReturnType<typeof aMember>>;
const endings: Record<string, (member: Member) => Promise<unknown>> = {
  'disabling the user, also when enabled again': async ({ user }) => {
    await send('PATCH', `/users/${user.id}`, { user: { enabled: false } });
    await send('PATCH', `/users/${user.id}`, { user: { enabled: true } });
  },
  'taking a role, also when given back': async ({ role }) => {
    await send('DELETE', role);
    await send('PUT', role);
  },
  'taking one of two roles': async ({ role }) => {
    await send('PUT', role.replace(/member$/, 'reader'));
    await send('DELETE', role);
  },
  'a password that an administrator sets, be it the same': ({ user }) =>
    send('PATCH', `/users/${user.id}`, { user: { password: 'secret' } }),
  'a password that the user changes, be it to the same': ({ user, token }) =>
    send('POST', `/users/${user.id}/password`, { user: { original_password: 'secret', password: 'secret' } }, token),
};

for (const [ending, end] of Object.entries(endings)) {
  test(`tokens are permanently invalid after ${ending}`, async (t) => {
    t.mock.timers.enable({ apis: ['Date'], now: Date.now() });
    const member = await aMember();
    assert.ok(await isGood(member.token));

    await end(member);

    assert.ok(!(await isGood(member.token)));
    assert.ok(await isGood(await member.logIn()), 'of the same millisecond');
    t.mock.timers.setTime(Date.now() - 3600_000);
    assert.ok(!(await isGood(member.token)));
  });
}

test('logins in progress while their user is disabled and re-enabled give no valid token', async () => {
  const { name, user } = await aMember();
  const identity = { methods: ['password'], password: { user: { name, domain: { id: 'default' }, password: 'secret' } } };
  // So many that some are still queued for hashing.
  const logins = Array.from(
    { length: 20 },
    async () =>
      // Awaited here, or it would start with the `Promise.all` below.
      await fixture.app.inject({ method: 'POST', url: `${base}/auth/tokens`, payload: { auth: { identity } } }),
  );

  await send('PATCH', `/users/${user.id}`, { user: { enabled: false } });
  await send('PATCH', `/users/${user.id}`, { user: { enabled: true } });

  for (const { statusCode, headers } of await Promise.all(logins))
    assert.ok(statusCode === 401 || !(await isGood(String(headers['x-subject-token']))));
});

test('tokens are invalid after deletion of the project or user, even if the name is reused', async () => {
  const { name, user, project, token } = await aMember();
  await send('DELETE', `/projects/${project.id}`);
  await send('POST', '/projects', { project: { name } });
  assert.ok(!(await isGood(token)));
  await send('DELETE', `/users/${user.id}`);
  await send('POST', '/users', { user: { name, password: 'secret' } });
  assert.ok(!(await isGood(token)));
});

async function aCredential({ user, token }: Member, fields: object = {}) {
  const payload = { application_credential: { name: 'robot', ...fields } };
  const path = `/users/${user.id}/application_credentials`;
  const { application_credential } = await send('POST', path, payload, token);
  const { id, secret } = application_credential;
  const logIn = () => {
    const identity = { methods: ['application_credential'], application_credential: { id, secret } };
    return fixture.app.inject({ method: 'POST', url: `${base}/auth/tokens`, payload: { auth: { identity } } });
  };
  const first = await logIn();
  assert.equal(first.statusCode, 201);
  return { id, path, logIn, first: first.json().token, token: String(first.headers['x-subject-token']) };
}

test('an application credential can neither create nor delete others', async () => {
  const member = await aMember();
  const found = await aCredential(member, { roles: [{ name: 'reader' }] });
  const other = await aCredential(member, { name: 'other' });
  const headers = { 'x-auth-token': found.token };

  const removals = await Promise.all(
    [other.id, found.id].map((id) => fixture.ask({ method: 'DELETE', url: `${base}${found.path}/${id}`, headers })),
  );

  assert.deepEqual(
    removals.map(({ status }) => status),
    [403, 403],
  );
  assert.ok(await isGood(other.token));
});

test('a token does not outlive its application credential', async (t) => {
  const member = await aMember();
  const expires_at = new Date(Date.now() + 60_000).toISOString();
  const short = await aCredential(member, { expires_at });
  assert.equal(short.first.expires_at, expires_at);
  const deleted = await aCredential(member, { name: 'other' });
  await send('DELETE', `${deleted.path}/${deleted.id}`, undefined, member.token);
  assert.deepEqual([await isGood(short.token), await isGood(deleted.token)], [true, false]);

  t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 60_000 });

  assert.ok(!(await isGood(short.token)));
  assert.equal((await short.logIn()).statusCode, 401);
});

for (const ending of ['taking a role, also when given back', 'disabling the user, also when enabled again']) {
  test(`application credentials go with ${ending}, as in Keystone`, async () => {
    const member = await aMember();
    const credential = await aCredential(member);

    await endings[ending]?.(member);

    assert.ok(!(await isGood(credential.token)));
    assert.equal((await credential.logIn()).statusCode, 401);
  });
}

test('of two simultaneous password changes one succeeds', async () => {
  const { user, token } = await aMember();
  const change = (password: string) =>
    fixture.ask({
      method: 'POST',
      url: `${base}/users/${user.id}/password`,
      headers: { 'x-auth-token': token },
      payload: { user: { original_password: 'secret', password } },
    });
  const replies = await Promise.all([change('one'), change('two')]);
  assert.deepEqual(replies.map(({ status }) => status).sort(), [204, 401]);
});

test('of equal simultaneous requests one succeeds, and the others are conflicts', async () => {
  const { user, token } = await aMember();
  const same: [string, object][] = [
    [`${base}/users`, { user: { name: 'twin', password: 'secret' } }],
    [`${base}/projects`, { project: { name: 'twins' } }],
    [`${base}/users/${user.id}/application_credentials`, { application_credential: { name: 'twin' } }],
    ['/compute/v2.1/os-keypairs', { keypair: { name: 'twin' } }],
    ['/compute/v2.1/flavors', { flavor: { name: 'twin', ram: 512, vcpus: 1, disk: 1 } }],
    ['/compute/v2.1/flavors', { flavor: { name: 'twin 1', id: 'same', ram: 512, vcpus: 1, disk: 1 } }],
  ];
  for (const [url, payload] of same) {
    const headers: Record<string, string> = url.includes('application_credentials') ? { 'x-auth-token': token } : {};
    const replies = await Promise.all([1, 2, 3].map(() => fixture.ask({ method: 'POST', url, payload, headers })));
    const conflicts = replies.filter(({ status }) => status === 409).length;
    assert.deepEqual(
      [replies.filter(({ status }) => status < 300).length, conflicts],
      [1, 2],
      `${url} ${JSON.stringify(replies)}`,
    );
  }
});
