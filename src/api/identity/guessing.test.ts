/** Password guessing over HTTP from any number of addresses: the test itself is the trusted proxy. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { type ApiFixture, adminPassword, openApiFixture } from '#test/api-fixture.ts';

const base = '/identity/v3';
let fixture: ApiFixture;
let url: string;
let count = 0;
/** Stands still, so that the speed of the machine does not matter. */
let now = 0;
const clock = () => now;
before(async () => {
  fixture = await openApiFixture({ clock, settings: { 'api.trusted_proxies': '127.0.0.1,10.0.0.0/8' } });
  ({ url } = await fixture.listen());
});
// Slots are random, so two tests may share one: by then its budget is fully restored.
beforeEach(() => {
  now += 600_000;
});
after(() => fixture.close());

type Answer = { status: number; body: string; wait: string | null };

async function post(path: string, body: object, headers: Record<string, string>, at = url): Promise<Answer> {
  const reply = await fetch(`${at}${base}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  return { status: reply.status, body: await reply.text(), wait: reply.headers.get('retry-after') };
}

const from = (address: string) => ({ 'x-forwarded-for': address });
/** An address that no other test uses. */
const anAddress = () => `192.0.2.${++count}`;
const passwordOf = (user: object, password: string) => ({
  auth: { identity: { methods: ['password'], password: { user: { domain: { id: 'default' }, ...user, password } } } },
});
const guess = (user: object, password: string, address: string) =>
  post('/auth/tokens', passwordOf(user, password), from(address));

async function aUser(): Promise<{ name: string; id: string }> {
  const user = { name: `user-${++count}`, password: 'secret' };
  const reply = await fixture.ask({ method: 'POST', url: `${base}/users`, payload: { user } });
  assert.equal(reply.status, 201);
  return { name: user.name, id: reply.body.user.id };
}

function tally(answers: readonly Answer[]): Record<number, number> {
  const counts: Record<number, number> = {};
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

const many = <T>(length: number, make: (index: number) => Promise<T>) => Promise.all(Array.from({ length }, (_, at) => make(at)));

test('limits 150 simultaneous guesses, by name and by id together', async () => {
  const { name, id } = await aUser();
  const address = anAddress();

  const answers = await many(150, (at) => guess(at % 2 === 0 ? { name } : { id }, `guess ${at}`, address));

  assert.deepEqual(tally(answers), { 401: 5, 429: 145 });
  const refused = answers.filter(({ status }) => status === 429);
  assert.ok(refused.every(({ wait }) => wait === '60'));
  assert.match(refused[0]?.body ?? '', /Too many failed logins; try again in \d+ s/);
  assert.equal((await guess({ name }, 'secret', address)).status, 429, 'the right one is not tried either');
  now += 60_000;
  assert.equal((await guess({ name }, 'wrong', address)).status, 401, 'one more after a minute');
  assert.equal((await guess({ name }, 'wrong', address)).status, 429);
});

test('counts failed logins with an unknown user name alike', async () => {
  const address = anAddress();
  assert.deepEqual(tally(await many(20, () => guess({ name: 'nobody at all' }, 'guess', address))), { 401: 5, 429: 15 });
});

test('accepts many correct passwords at once, also from a new address', async () => {
  const { name } = await aUser();
  const address = anAddress();
  assert.deepEqual(tally(await many(30, () => guess({ name }, 'secret', address))), { 201: 30 });
});

test('many addresses get no more guesses, and do not lock out a user at a known address', async () => {
  const { name, id } = await aUser();
  const home = anAddress();
  assert.equal((await guess({ name }, 'secret', home)).status, 201);

  const answers = await many(60, (at) => guess(at % 2 === 0 ? { name } : { id }, 'guess', `198.51.100.${at}`));

  assert.deepEqual(tally(answers), { 401: 20, 429: 40 });
  assert.equal((await guess({ name }, 'secret', home)).status, 201);
  assert.equal((await guess({ name }, 'secret', anAddress())).status, 429);
});

test('limits guesses of one address over many users', async () => {
  const address = anAddress();
  const answers = await many(60, (at) => guess({ name: `somebody ${at}` }, 'Winter2026', address));
  assert.deepEqual(tally(answers), { 401: 30, 429: 30 });
  const { name } = await aUser();
  assert.equal((await guess({ name }, 'secret', anAddress())).status, 201, 'others log in');
});

test('a flood from many addresses does not delay a user at a known address', async () => {
  const { name } = await aUser();
  const home = anAddress();
  assert.equal((await guess({ name }, 'secret', home)).status, 201);
  let answered = 0;
  const flood = many(100, async (at) => {
    const { status } = await guess({ name: `flood ${at}` }, 'guess', `203.0.113.${at}`);
    answered += 1;
    return status;
  });

  const { status } = await guess({ name }, 'secret', home);

  assert.equal(status, 201);
  assert.ok(answered < 70, `${answered} of 100 came first`);
  assert.deepEqual(new Set(await flood), new Set([401]), 'each has its turn');
});

test('counts the addresses of one IPv6 network as one', async () => {
  const { name } = await aUser();
  const answers = await many(20, (at) => guess({ name }, 'guess', `2001:db8:1:${count}:${at + 1}::1`));
  assert.deepEqual(tally(answers), { 401: 5, 429: 15 });
});

test('ignores X-Forwarded-For of an untrusted client', async (t) => {
  const { name } = await aUser();
  const address = anAddress();
  const behind = await many(20, (at) => guess({ name }, 'guess', `203.0.113.${at}, ${address}, 10.1.1.1`));
  assert.deepEqual(tally(behind), { 401: 5, 429: 15 });

  const direct = await openApiFixture({ clock });
  t.after(() => direct.close());
  const at = (await direct.listen()).url;
  const answers = await many(20, (index) =>
    post('/auth/tokens', passwordOf({ name: 'nobody' }, 'guess'), from(`203.0.113.${index}`), at),
  );
  assert.deepEqual(tally(answers), { 401: 5, 429: 15 });
});

test('the catalogue uses the host forwarded by a trusted proxy', async (t) => {
  const ask = async (at: string) => {
    const headers = { 'content-type': 'application/json', 'x-forwarded-host': 'cloud.example', 'x-forwarded-proto': 'https' };
    const body = JSON.stringify(passwordOf({ name: 'admin' }, adminPassword));
    const reply = await fetch(`${at}${base}/auth/tokens`, { method: 'POST', headers, body });
    const { token } = (await reply.json()) as { token: { catalog: { endpoints: { url: string }[] }[] } };
    return token.catalog[0]?.endpoints[0]?.url;
  };
  const direct = await openApiFixture({ clock });
  t.after(() => direct.close());
  const at = (await direct.listen()).url;

  assert.equal(await ask(url), 'https://cloud.example/identity');
  assert.equal(await ask(at), `${at}/identity`);
});

test('limits guesses of the original password in a password change together with logins', async () => {
  const { name, id } = await aUser();
  const token = await fixture.logIn(name, 'secret');
  const address = anAddress();
  const change = (original_password: string) =>
    post(`/users/${id}/password`, { user: { original_password, password: 'mine' } }, { ...from(address), 'x-auth-token': token });

  const changes = await many(100, (at) => change(`guess ${at}`));

  assert.deepEqual(tally(changes), { 401: 5, 429: 95 });
  assert.equal((await change('secret')).status, 429);
  assert.equal((await guess({ name }, 'secret', address)).status, 429);
});

test('limits guesses of application credential secrets, by id and by name', async () => {
  const { name, id } = await aUser();
  const { body } = await fixture.ask({ method: 'POST', url: `${base}/projects`, payload: { project: { name } } });
  await fixture.ask({ method: 'PUT', url: `${base}/projects/${body.project.id}/users/${id}/roles/member` });
  const headers = { 'x-auth-token': await fixture.logIn(name, 'secret', name) };
  const payload = { application_credential: { name: 'robot' } };
  const path = `${base}/users/${id}/application_credentials`;
  const made = (await fixture.ask({ method: 'POST', url: path, headers, payload })).body.application_credential;
  const address = anAddress();
  const logIn = (application_credential: object, at: string) =>
    post('/auth/tokens', { auth: { identity: { methods: ['application_credential'], application_credential } } }, from(at));

  const answers = await many(60, (at) => {
    const named = at % 2 === 0 ? { id: made.id } : { name: 'robot', user: { id } };
    return logIn({ ...named, secret: `guess ${at}` }, address);
  });

  assert.deepEqual(tally(answers), { 401: 5, 429: 55 });
  assert.equal((await logIn({ id: made.id, secret: made.secret }, anAddress())).status, 201);
  assert.equal((await guess({ name }, 'secret', anAddress())).status, 201, 'the password has a budget of its own');
});
