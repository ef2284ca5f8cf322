import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lazily } from './lazily.ts';

test('makes the value at the first use, once, even if it is undefined', () => {
  let made = 0;
  const value = lazily(() => {
    made++;
    return undefined;
  });

  assert.equal(made, 0);
  assert.deepEqual([value(), value(), made], [undefined, undefined, 1]);
});

test('tries again after a failure', () => {
  let calls = 0;
  const value = lazily(() => {
    calls++;
    if (calls === 1) throw new Error('not yet');
    return calls;
  });

  assert.throws(value, /not yet/);
  assert.equal(value(), 2);
});
