import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import { PacketBudget } from './packet-budget.ts';

/** A clock that advances only on `tick`. */
function setClock(t: TestContext) {
  let now = 0;
  t.mock.method(performance, 'now', () => now);
  t.mock.timers.enable({ apis: ['setTimeout'] });
  return (milliseconds: number) => {
    for (let step = 0; step < milliseconds; step += 1) {
      now += 1;
      t.mock.timers.tick(1);
    }
  };
}

suite('the packet budget', () => {
  test('sends a burst at once and the rest in order at the configured rate', (t) => {
    const tick = setClock(t);
    const budget = new PacketBudget(100);
    const left: number[] = [];

    for (let packet = 0; packet < 30; packet += 1) budget.enter(() => void left.push(packet));
    assert.deepEqual([left.length, budget.waiting], [10, 20]);
    tick(100);
    assert.equal(left.length, 20);
    tick(200);

    assert.deepEqual(left, [...Array(30).keys()]);
    assert.equal(budget.waiting, 0);
  });

  test('does not let a newcomer overtake', (t) => {
    const tick = setClock(t);
    const budget = new PacketBudget(10);
    const left: string[] = [];
    budget.enter(() => void left.push('first'));
    budget.enter(() => void left.push('second'));
    tick(99);
    budget.enter(() => void left.push('third'));
    tick(300);

    assert.deepEqual(left, ['first', 'second', 'third']);
  });

  test('charges nothing for withdrawn packets', (t) => {
    const tick = setClock(t);
    const budget = new PacketBudget(10);
    const left: number[] = [];
    budget.enter(() => void left.push(0));
    const withdrawals = [1, 2, 3].map((packet) => budget.enter(() => void left.push(packet)));

    withdrawals[0]?.();
    withdrawals[1]?.();
    tick(100);

    assert.deepEqual(left, [0, 3]);
  });

  test('0 means unlimited, also while the clock stands still', (t) => {
    setClock(t);
    const budget = new PacketBudget(0);
    let left = 0;
    for (let packet = 0; packet < 10_000; packet += 1) {
      budget.enter(() => {
        left += 1;
      });
    }
    assert.equal(left, 10_000);
  });
});
