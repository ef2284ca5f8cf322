import assert from 'node:assert/strict';
import { test } from 'node:test';
import { failed, isDue } from './applied.ts';

test('what failed is repeated ever later, and at once when something else is wanted', () => {
  let known = failed(undefined, { digest: 'one', now: 0 }, 'why');
  const delays: number[] = [];
  for (let now = 0; delays.length < 8; ) {
    const { at = 0, ms = 0 } = known.retry ?? {};
    assert.ok(!isDue(known, { digest: 'one', now: at - 1 }));
    assert.ok(isDue(known, { digest: 'one', now: at }));
    assert.ok(isDue(known, { digest: 'other', now }));
    delays.push(ms);
    now = at;
    known = failed(known, { digest: 'one', now }, 'why');
  }
  assert.deepEqual(delays, [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
  assert.deepEqual(failed(known, { digest: 'other', now: 5 }, 'why').retry, { at: 1005, ms: 1000 });
  assert.ok(!isDue({ digest: 'one', loaded: '' }, { digest: 'one', now: 1e9 }));
});
