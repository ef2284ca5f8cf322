import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AttemptBudgets, createSlots } from './attempt-budgets.ts';

const limit = { burst: 5, everyMs: 60_000 };

function aClock() {
  const clock = { now: 0 };
  return { clock, budgets: new AttemptBudgets(limit, () => clock.now) };
}

function fail(budgets: AttemptBudgets, key: string): void {
  budgets.take(key);
  budgets.settle(key, false);
}

test('allows a burst of failures, then one per interval', () => {
  const { clock, budgets } = aClock();
  for (let count = 0; count < 5; count++) {
    assert.equal(budgets.wait('bob').ms, 0);
    fail(budgets, 'bob');
  }

  assert.equal(budgets.wait('bob').ms, 60_000);
  clock.now = 59_000;
  assert.equal(budgets.wait('bob').ms, 1_000);
  clock.now = 60_000;
  assert.equal(budgets.wait('bob').ms, 0);
  fail(budgets, 'bob');
  assert.equal(budgets.wait('bob').ms, 60_000);
  assert.equal(budgets.wait('eve').ms, 0);
});

test('counts running attempts, and returns them after a success', () => {
  const { budgets } = aClock();
  for (let count = 0; count < 5; count++) budgets.take('bob');
  assert.deepEqual(budgets.wait('bob'), { ms: 60_000, isOpen: true });

  for (let count = 0; count < 5; count++) budgets.settle('bob', true);

  assert.deepEqual(budgets.wait('bob'), { ms: 0, isOpen: false });
  assert.equal(budgets.size, 0);
});

test('bounds memory for any number of invented names and addresses, and keeps counts that matter', () => {
  const { budgets } = aClock();
  const slotOf = createSlots(Buffer.alloc(32));
  for (let count = 0; count < 5; count++) fail(budgets, 'user-id-of-bob');

  for (let count = 0; count < 50_000; count++) fail(budgets, slotOf(`nobody ${count}`));

  assert.equal(budgets.wait('user-id-of-bob').ms, 60_000);
  assert.ok(budgets.size <= 16_385, `${budgets.size}`);
});
