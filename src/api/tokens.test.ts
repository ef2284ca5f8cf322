import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { openStore } from '#store/store.ts';
import { Tokens } from './tokens.ts';

const request = { user_id: 'u', project_id: 'p', methods: ['password'] };

test('only what was signed with this key is a token', async () => {
  const store = await openStore(':memory:');
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

test('a token ends after twelve hours, and so does what it was traded for', async (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: Date.parse('2026-01-01T00:00:00Z') });
  const store = await openStore(':memory:');
  const tokens = new Tokens(store, randomBytes(32));
  const { token, payload } = tokens.issue(request);

  t.mock.timers.tick(11 * 3600_000);
  const traded = tokens.issue(request, payload);
  assert.ok(await tokens.verify(token));
  t.mock.timers.tick(3600_000);

  assert.equal(await tokens.verify(token), undefined);
  assert.equal(await tokens.verify(traded.token), undefined);
  await store.close();
});

test('a revoked token stays revoked, and its row goes when it would have ended anyway', async (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: Date.parse('2026-01-01T00:00:00Z') });
  const store = await openStore(':memory:');
  const tokens = new Tokens(store, randomBytes(32));
  const first = tokens.issue(request);
  await tokens.revoke(first.token, first.payload);
  await tokens.revoke(first.token, first.payload);

  assert.equal(await tokens.verify(first.token), undefined);
  t.mock.timers.tick(13 * 3600_000);
  const second = tokens.issue(request);
  await tokens.revoke(second.token, second.payload);

  assert.equal((await store.revoked_tokens.list()).length, 1);
  await store.close();
});
