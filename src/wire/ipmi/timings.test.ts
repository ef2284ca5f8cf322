import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Budget } from './timings.ts';

test('a BMC that replies gets the same time again, up to three times in total', (t) => {
  let now = 0;
  t.mock.method(performance, 'now', () => now);
  const budget = new Budget(10_000);
  now += 4_000;
  assert.equal(budget.left, 6_000);
  budget.answered();
  assert.equal(budget.left, 10_000, 'from now on');
  budget.extend(29_000);
  budget.answered();
  assert.equal(budget.left, 25_000, 'no less than it had');
  now += 21_000;
  budget.answered();
  assert.equal(budget.left, 5_000, 'no more than three times as long');
  const spent = new Budget(0);
  spent.answered();
  assert.equal(spent.left, 0);
});
