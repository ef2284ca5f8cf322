import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RateLimiter } from './rate-limiter.ts';

test('grants a burst, then the rate; unused time accumulates up to one burst', () => {
  let now = 0;
  const limiter = new RateLimiter(10, 2, () => now);
  const granted = () => Array.from({ length: 30 }, () => limiter.take(1)).filter(Boolean).length;

  assert.equal(granted(), 10);
  now = 59_999;
  assert.equal(granted(), 0);
  now = 60_000;
  assert.equal(granted(), 2);
  now = 60_000 * 1000;
  assert.equal(granted(), 10);
});

test('refuses an amount that is not fully available', () => {
  const limiter = new RateLimiter(10, 2, () => 0);

  assert.equal(limiter.take(11), false);
  assert.equal(limiter.take(10), true);
  assert.equal(limiter.take(1), false);
});
