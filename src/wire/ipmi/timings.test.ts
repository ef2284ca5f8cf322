import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Budget } from './timings.ts';

test('a BMC that answers has as long again, three times as long in all at most', () => {
  const budget = new Budget(10_000);
  budget.answered();
  assert.ok(budget.left > 9_900, 'from now on');
  budget.extend(29_000);
  budget.answered();
  assert.ok(budget.left <= 30_000 && budget.left > 28_900, 'no less than it had');
  const spent = new Budget(0);
  spent.answered();
  assert.equal(spent.left, 0);
});
