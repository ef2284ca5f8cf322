import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KnownTokens } from './known-tokens.ts';
import type { TokenPayload } from './tokens.ts';

const caller = { user_id: 'u', user_name: 'user', project_id: 'p', project_name: 'project', roles: ['member'], is_admin: false };
const found = (expires: number) => ({ caller, payload: { expires_at: new Date(expires).toISOString() } as TokenPayload });
const later = Date.now() + 3_600_000;

test('caches a known token until a write, some seconds, or its expiry', () => {
  let now = 0;
  const known = new KnownTokens({ clock: () => now });
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

test('keeps as many as its owner says, for as long', () => {
  const known = new KnownTokens({ keptMax: 2 });
  const none = new KnownTokens({ keptFor: 0 });
  for (const name of ['a', 'b', 'c']) known.keep(name, found(later), 0);
  none.keep('a', found(later), 0);

  assert.deepEqual(
    ['a', 'b', 'c'].map((name) => known.find(name, 0) !== undefined),
    [false, true, true],
  );
  assert.equal(none.find('a', 0), undefined);
});
