import assert from 'node:assert/strict';
import { createHmac, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { aStore } from '#test/a-store.ts';
import { Tokens } from './tokens.ts';

const scope = { scope_type: 'project', scope_id: 'p' } as const;
const request = { user_id: 'u', scope, methods: ['password'], user_revision: 0, scope_revision: 0 };

test('accepts only tokens signed with this key', async () => {
  const store = await aStore();
  const tokens = new Tokens(store, randomBytes(32));
  const { token, payload } = tokens.issue(request);
  const [body = '', signature = ''] = token.split('.');
  const foreign = new Tokens(store, randomBytes(32)).issue(request).token;
  const raised = Buffer.from(JSON.stringify({ ...payload, user_id: 'root' })).toString('base64url');

  assert.deepEqual(await tokens.verify(token), payload);
  for (const forged of ['', '.', body, `${body}.`, `.${signature}`, `${raised}.${signature}`, `${token}.x`, foreign]) {
    assert.equal(await tokens.verify(forged), undefined, forged);
  }
  await store.close();
});

test('accepts only the canonical encoding of a token', async () => {
  const store = await aStore();
  const tokens = new Tokens(store, randomBytes(32));
  const { token } = tokens.issue(request);
  const [body = '', signature = ''] = token.split('.');
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  // 32 bytes are 43 characters: the last one has two unused bits.
  const unusedBits = [1, 2, 3].map((bits) => signature.slice(0, -1) + alphabet[alphabet.indexOf(signature.at(-1) ?? '') ^ bits]);
  const texts = [
    `${token}=`,
    `${token}==`,
    `${body}=.${signature}`,
    `${token} `,
    `${token}\n`,
    `${body}.!${signature}`,
    `${body}.${signature.slice(0, 9)}\t${signature.slice(9)}`,
    `${token}.`,
    `${token}${'='.repeat(5000)}`,
    ...unusedBits.map((other) => `${body}.${other}`),
  ];
  const otherAlphabet = signature.replaceAll('-', '+').replaceAll('_', '/');
  if (otherAlphabet !== signature) texts.push(`${body}.${otherAlphabet}`);

  const decoded = unusedBits.map((text) => Buffer.from(text, 'base64url').toString('hex'));
  assert.deepEqual(new Set(decoded), new Set([Buffer.from(signature, 'base64url').toString('hex')]), 'decoders take them');
  for (const text of texts) assert.equal(await tokens.verify(text), undefined, JSON.stringify(text));
  assert.ok(await tokens.verify(token));
  await store.close();
});

test('rejects signed content that is no token payload', async () => {
  const store = await aStore();
  const key = randomBytes(32);
  const tokens = new Tokens(store, key);
  const { payload } = tokens.issue(request);
  const sign = (value: unknown) => {
    const body = Buffer.from(JSON.stringify(value)).toString('base64url');
    return `${body}.${createHmac('sha256', key).update(body).digest('base64url')}`;
  };
  const { audit_ids: _, ...withoutAuditIds } = payload;
  const wrong = [
    null,
    [],
    withoutAuditIds,
    { ...payload, audit_ids: [] },
    { ...payload, expires_at: 'never' },
    { ...payload, user_revision: '0' },
    { ...payload, is_admin: true },
  ];

  assert.ok(await tokens.verify(sign(payload)));
  for (const value of wrong) assert.equal(await tokens.verify(sign(value)), undefined, JSON.stringify(value));
  await store.close();
});

test('revoking a token revokes those derived from it over all generations, and nothing else', async () => {
  const store = await aStore();
  const tokens = new Tokens(store, randomBytes(32));
  const root = tokens.issue(request);
  const child = tokens.issue(request, { parent: root.payload });
  const grandchild = tokens.issue(request, { parent: child.payload });
  const sibling = tokens.issue(request, { parent: root.payload });
  const unrelated = tokens.issue(request);
  const live = () =>
    Promise.all(
      [root, child, grandchild, sibling, unrelated].map(async ({ token }) => (await tokens.verify(token)) !== undefined),
    );

  await tokens.revoke(child.payload);
  assert.deepEqual(await live(), [true, false, false, true, true]);
  await tokens.revoke(root.payload);
  assert.deepEqual(await live(), [false, false, false, false, true]);
  await store.close();
});

test('a token expires no later than its application credential, and cannot be exchanged forever', async () => {
  const store = await aStore();
  const tokens = new Tokens(store, randomBytes(32));
  const notAfter = new Date(Date.now() + 60_000).toISOString();

  assert.equal(tokens.issue(request, { notAfter }).payload.expires_at, notAfter);
  let { token, payload } = tokens.issue(request);
  for (let count = 1; count < 32; count++) ({ token, payload } = tokens.issue(request, { parent: payload }));
  assert.ok(await tokens.verify(token), `${token.length} characters`);
  assert.throws(() => tokens.issue(request, { parent: payload }), { code: 'forbidden' });
  await store.close();
});

test('a token expires after twelve hours, together with those exchanged for it', async (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: Date.parse('2026-01-01T00:00:00Z') });
  const store = await aStore();
  const tokens = new Tokens(store, randomBytes(32));
  const { token, payload } = tokens.issue(request);

  t.mock.timers.tick(11 * 3600_000);
  const traded = tokens.issue(request, { parent: payload });
  assert.ok(await tokens.verify(token));
  t.mock.timers.tick(3600_000);

  assert.equal(await tokens.verify(token), undefined);
  assert.equal(await tokens.verify(traded.token), undefined);
  await store.close();
});

test('keeps a revocation until some days after the token would have expired', async (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: Date.parse('2026-01-01T00:00:00Z') });
  const store = await aStore();
  const tokens = new Tokens(store, randomBytes(32));
  const first = tokens.issue(request);
  await tokens.revoke(first.payload);
  await tokens.revoke(first.payload);

  assert.equal(await tokens.verify(first.token), undefined);
  t.mock.timers.tick(8 * 24 * 3600_000);
  const second = tokens.issue(request);
  await tokens.revoke(second.payload);

  assert.equal((await store.revoked_tokens.list()).length, 1);
  await store.close();
});
