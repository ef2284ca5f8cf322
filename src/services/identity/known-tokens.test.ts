import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KnownTokens } from './known-tokens.ts';
import type { TokenPayload } from './tokens.ts';

const caller = { user_id: 'u', user_name: 'user', project_id: 'p', project_name: 'project', roles: ['member'], is_admin: false };
const found = (expires: number) => ({ caller, payload: { expires_at: new Date(expires).toISOString() } as TokenPayload });
const later = Date.now() + 3_600_000;

test('caches a known token until a write, some seconds, or its expiry', () => {
  let now = 0;
  const known = new KnownTokens(() => now);
  known.keep('a', found(later), 1);
  known.keep('expired', found(Date.now() - 1), 1);

  assert.equal(known.find('a', 1)?.caller, caller);
  assert.equal(known.find('other', 1), undefined);
  assert.equal(known.find('expired', 1), undefined);
  assert.equal(known.find('a', 2), undefined);
  known.keep('a', found(later), 2);
  now = 10_001;
  assert.equal(known.find('a', 2), undefined);
});

test('keeps the newest thousand tokens', () => {
  const known = new KnownTokens();
  for (let index = 0; index < 1500; index++) known.keep(`t${index}`, found(later), 1);

  assert.equal(known.find('t499', 1), undefined);
  assert.ok(known.find('t500', 1));
  assert.ok(known.find('t1499', 1));
});
