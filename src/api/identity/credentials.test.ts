/** Credentials: whose they are, that they are encrypted, and tokens for requests signed with EC2 keys. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { databaseFile } from '#store/database-address.ts';
import { type ApiFixture, openApiFixture } from '#test/api-fixture.ts';
import { identityOf } from '#test/identity-requests.ts';

let fixture: ApiFixture;
let identity: ReturnType<typeof identityOf>;
before(async () => {
  fixture = await openApiFixture({ onDisk: true });
  identity = identityOf(fixture);
});
after(() => fixture.close());

async function aMember(name: string) {
  const [user, project] = [await identity.aUser(name), await identity.aProject(name)];
  await identity.send('PUT', `projects/${project}/users/${user}/roles/member`);
  return { user, project, token: await identity.tokenOf(user, { project: { id: project } }) };
}

test('a user has credentials, which others neither see nor change', async () => {
  const [mine, theirs] = [await aMember('mine'), await aMember('theirs')];
  const fields = { type: 'cert', blob: 'very secret text', user_id: mine.user };
  const { credential } = await identity.send('POST', 'credentials', { credential: fields }, mine.token);
  const path = `credentials/${credential.id}`;

  assert.deepEqual([credential.blob, credential.project_id], ['very secret text', null]);
  const listed = await identity.send('GET', 'credentials?type=cert', undefined, mine.token);
  assert.equal(listed.credentials[0].id, credential.id);
  assert.deepEqual((await identity.send('GET', `credentials?user_id=${mine.user}`, undefined, theirs.token)).credentials, []);
  for (const [method, body] of [
    ['GET', undefined],
    ['PATCH', { credential: { blob: 'x' } }],
    ['DELETE', undefined],
  ] as const)
    assert.equal(await identity.statusOf(method, path, body, theirs.token), 404, method);
  const foreign = { credential: { ...fields, user_id: theirs.user } };
  assert.equal(await identity.statusOf('POST', 'credentials', foreign, mine.token), 403);
  assert.equal(await identity.statusOf('PATCH', path, { credential: { user_id: theirs.user } }, mine.token), 403);
  const changed = await identity.send('PATCH', path, { credential: { blob: 'other' } }, mine.token);
  assert.equal(changed.credential.blob, 'other');
  await identity.send('DELETE', path, undefined, mine.token);
  assert.equal(await identity.statusOf('GET', path), 404);
});

test('further members of a request change neither the id nor anything else', async () => {
  const { user, token } = await aMember('further');
  const more = { id: 'chosen', extra: 1 };
  const fields = { type: 'x', blob: 'b', user_id: user, ...more };
  const { credential } = await identity.send('POST', 'credentials', { credential: fields }, token);
  const changed = await identity.send('PATCH', `credentials/${credential.id}`, { credential: { type: 'y', extra: 1 } }, token);
  const renamed = await identity.statusOf('PATCH', `credentials/${credential.id}`, { credential: more }, token);

  assert.notEqual(credential.id, 'chosen');
  assert.equal(renamed, 400);
  assert.deepEqual(changed.credential, { ...credential, type: 'y' });
  assert.equal((await identity.send('GET', `credentials/${credential.id}`, undefined, token)).credential.type, 'y');
});

test('what a credential holds is encrypted in the database', async () => {
  const { user, token } = await aMember('sealed');
  await identity.send('POST', 'credentials', { credential: { type: 'x', blob: 'plain words', user_id: user } }, token);
  const file = databaseFile(fixture.stateDir);
  const stored = await Promise.all([file, `${file}-wal`].map((name) => readFile(name).catch(() => Buffer.alloc(0))));
  assert.ok(!stored.some((bytes) => bytes.includes('plain words')));
});

test('a user has at most 100 credentials', async () => {
  const { user, token } = await aMember('many');
  await fixture.store.credentials.insertAll(
    Array.from({ length: 99 }, (_, index) => ({ id: `c${index}`, user_id: user, project_id: null, type: 'x', blob: 'b' })),
  );
  const create = () => identity.statusOf('POST', 'credentials', { credential: { type: 'x', blob: 'b', user_id: user } }, token);
  assert.deepEqual((await Promise.all([create(), create()])).toSorted(), [201, 403]);
});

test('credentials go with their user or project', async () => {
  const { user, project, token } = await aMember('gone');
  const other = await aMember('other');
  await identity.send('POST', `users/${user}/credentials/OS-EC2`, { tenant_id: project }, token);
  const fields = { type: 'x', blob: 'b', user_id: other.user, project_id: other.project };
  await identity.send('POST', 'credentials', { credential: fields });
  await identity.send('DELETE', `users/${user}`);
  await identity.send('DELETE', `projects/${other.project}`);
  assert.deepEqual(await fixture.store.credentials.list({ user_id: [user, other.user] }), []);
});

/** As a client signs a request to EC2. */
function signed(access: string, secret: string) {
  const params: Record<string, string> = { Action: 'DescribeInstances', SignatureVersion: '2', SignatureMethod: 'HmacSHA256' };
  const query = Object.keys(params)
    .sort()
    .map((name) => `${name}=${params[name]}`)
    .join('&');
  const text = ['GET', 'ec2.example', '/', query].join('\n');
  const signature = createHmac('sha256', secret).update(text).digest('base64');
  return { credentials: { access, signature, host: 'ec2.example', verb: 'GET', path: '/', params } };
}

test('a request signed with EC2 keys gives a token of their user and project', async () => {
  const { user, project, token } = await aMember('signer');
  const path = `users/${user}/credentials/OS-EC2`;
  const { credential } = await identity.send('POST', path, { tenant_id: project }, token);
  const { access, secret } = credential;
  const body = signed(access, secret);

  const reply = await identity.ask('POST', 'ec2tokens', body);
  assert.equal(reply.status, 200, JSON.stringify(reply.body));
  assert.deepEqual(reply.body.token.methods, ['ec2credential']);
  assert.deepEqual(await identity.rolesOf(String(reply.headers['x-subject-token'])), ['member', 'reader']);
  assert.equal(await identity.statusOf('POST', 'ec2tokens', body, token), 403, 'only services ask');
  assert.equal(await identity.statusOf('POST', 'ec2tokens', signed(access, 'guess')), 401);
  assert.equal(await identity.statusOf('POST', 'ec2tokens', signed('none', secret)), 404);
  assert.equal(await identity.statusOf('POST', 'ec2tokens', {}), 401);
  assert.equal((await identity.send('GET', path, undefined, token)).credentials[0].access, access);
  await identity.send('PATCH', `users/${user}`, { user: { enabled: false } });
  assert.equal(await identity.statusOf('POST', 'ec2tokens', body), 401);
  await identity.send('PATCH', `users/${user}`, { user: { enabled: true } });
  await identity.send('DELETE', `projects/${project}/users/${user}/roles/member`);
  assert.equal(await identity.statusOf('POST', 'ec2tokens', body), 401, 'no role');
  await identity.send('DELETE', `${path}/${access}`);
  assert.equal(await identity.statusOf('POST', 'ec2tokens', body), 404);
});

test('keys and credentials reveal no project of others', async () => {
  const { user, token } = await aMember('curious');
  const foreign = await identity.aProject('foreign-keys');
  const path = `users/${user}/credentials/OS-EC2`;
  for (const tenant_id of [foreign, 'none']) {
    const text = `Could not find project: ${tenant_id}.`;
    assert.equal(await identity.messageOf('POST', path, { tenant_id }, token), text);
    const credential = { type: 'x', blob: 'b', user_id: user, project_id: tenant_id };
    assert.equal(await identity.statusOf('POST', 'credentials', { credential }, token), 201);
  }
});

test('EC2 keys without a secret, or of a project without a role, give no token', async () => {
  const { user, project, token } = await aMember('empty');
  const outside = await identity.aProject('outside');
  const create = (blob: object, project_id: string | null) =>
    identity.ask(
      'POST',
      'credentials',
      { credential: { type: 'ec2', blob: JSON.stringify(blob), user_id: user, project_id } },
      token,
    );

  assert.equal((await create({ access: 'no-secret' }, project)).status, 201);
  assert.equal(await identity.statusOf('POST', 'ec2tokens', signed('no-secret', '')), 401);
  assert.equal((await create({ access: 'foreign', secret: 's' }, outside)).status, 201);
  assert.equal(await identity.statusOf('POST', 'ec2tokens', signed('foreign', 's')), 401);
  assert.equal((await create({ access: 'foreign', secret: 's' }, project)).status, 409);
  assert.equal((await create({ secret: 's' }, project)).status, 400);
  assert.equal((await create({ access: 'a', secret: 's' }, null)).status, 400);
});

test('a token of an application credential neither makes nor sees secrets of passcodes', async () => {
  const { user, project, token } = await aMember('passcodes');
  const payload = { application_credential: { name: 'robot', roles: [{ name: 'reader' }] } };
  const { application_credential } = await identity.send('POST', `users/${user}/application_credentials`, payload, token);
  const { id, secret } = application_credential;
  const robot = (await identity.logInBy({ methods: ['application_credential'], application_credential: { id, secret } })).token;
  const fields = { type: 'totp', blob: 'JBSWY3DPEHPK3PXP', user_id: user, project_id: project };
  const totp = (await identity.send('POST', 'credentials', { credential: fields }, token)).credential.id;
  const note = (await identity.send('POST', 'credentials', { credential: { ...fields, type: 'note' } }, robot)).credential.id;
  const asRobot = async (method: 'GET' | 'POST' | 'PATCH' | 'DELETE', path: string, credential?: object) =>
    identity.statusOf(method, path, credential && { credential }, robot);

  assert.equal(await asRobot('POST', 'credentials', fields), 403);
  assert.equal(await asRobot('POST', 'credentials', { ...fields, type: 'TOTP' }), 403);
  assert.equal(await asRobot('PATCH', `credentials/${note}`, { type: 'totp' }), 403);
  assert.equal(await asRobot('PATCH', `credentials/${totp}`, { blob: 'JBSWY3DPEHPK3PXQ' }), 403);
  assert.equal(await asRobot('GET', `credentials/${totp}`), 403);
  assert.equal(await asRobot('DELETE', `credentials/${totp}`), 403);
  const { credentials } = await identity.send('GET', 'credentials', undefined, robot);
  assert.deepEqual(
    credentials.map((each: { id: string }) => each.id),
    [note],
  );
});

test('a token of an application credential makes no EC2 keys, and reaches only what is of its project', async () => {
  const { user, project, token } = await aMember('delegated');
  const payload = { application_credential: { name: 'robot' } };
  const { application_credential } = await identity.send('POST', `users/${user}/application_credentials`, payload, token);
  const { id, secret } = application_credential;
  const robot = (await identity.logInBy({ methods: ['application_credential'], application_credential: { id, secret } })).token;
  const own = { type: 'totp', blob: 'JBSWY3DPEHPK3PXP', user_id: user };
  const totp = (await identity.send('POST', 'credentials', { credential: own }, token)).credential.id;

  const blob = JSON.stringify({ access: 'robot', secret: 's' });
  const keys = { type: 'ec2', blob, user_id: user, project_id: project };
  assert.equal(await identity.statusOf('POST', `users/${user}/credentials/OS-EC2`, { tenant_id: project }, robot), 403);
  assert.equal(await identity.statusOf('POST', 'credentials', { credential: keys }, robot), 403);
  assert.equal(await identity.statusOf('POST', 'credentials', { credential: own }, robot), 403);
  for (const method of ['GET', 'DELETE'] as const)
    assert.equal(await identity.statusOf(method, `credentials/${totp}`, undefined, robot), 403, method);
  const path = `users/${user}/credentials/OS-EC2`;
  const made = (await identity.send('POST', path, { tenant_id: project }, token)).credential;
  const same = (await identity.send('GET', 'credentials?type=ec2', undefined, token)).credentials[0].id;
  for (const each of [`${path}/${made.access}`, `credentials/${same}`])
    assert.equal(await identity.statusOf('GET', each, undefined, robot), 403, 'its secret logs in with all roles of the user');
  assert.deepEqual((await identity.send('GET', path, undefined, robot)).credentials, []);
  assert.deepEqual((await identity.send('GET', 'credentials', undefined, robot)).credentials, []);
  const inProject = { ...own, type: 'note', project_id: project };
  const note = (await identity.send('POST', 'credentials', { credential: inProject }, robot)).credential.id;
  assert.equal(await identity.statusOf('PATCH', `credentials/${note}`, { credential: keys }, robot), 403);
  assert.equal(await identity.statusOf('PATCH', `credentials/${note}`, { credential: { project_id: null } }, robot), 403);
});
