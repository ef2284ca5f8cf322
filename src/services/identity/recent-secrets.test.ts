import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RecentSecrets } from './recent-secrets.ts';

test('a secret is known with the hash it was checked against, and no other', () => {
  const recent = new RecentSecrets();
  recent.add('right', 'scrypt$1');
  assert.ok(recent.has('right', 'scrypt$1'));
  assert.ok(!recent.has('wrong', 'scrypt$1'));
  // A changed password has another hash.
  assert.ok(!recent.has('right', 'scrypt$2'));
  // Equivalent forms of a character are the same password, as for the hash.
  recent.add('caf\u00e9', 'scrypt$1');
  assert.ok(recent.has('cafe\u0301', 'scrypt$1'));
});

test('its time begins with the check and is not prolonged by use', () => {
  let now = 0;
  const recent = new RecentSecrets({ clock: () => now, keptFor: 100 });
  recent.add('right', 'hash');
  now = 99;
  assert.ok(recent.has('right', 'hash'));
  now = 100;
  assert.ok(!recent.has('right', 'hash'));
});

test('the oldest are forgotten first', () => {
  const recent = new RecentSecrets({ keptMax: 2 });
  for (const secret of ['a', 'b', 'a', 'c']) recent.add(secret, 'hash');
  assert.deepEqual(
    ['a', 'b', 'c'].map((secret) => recent.has(secret, 'hash')),
    [true, false, true],
  );
});
