import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { SequenceCounter, SequenceWindow } from './sequence-window.ts';

const highest = 2 ** 32 - 1;

function windowAfter(...taken: number[]): SequenceWindow {
  const window = new SequenceWindow();
  for (const sequence of taken) assert.equal(window.take(sequence), true, `${sequence} is taken`);
  return window;
}

suite('sequence numbers', () => {
  test('accepts each once', () => {
    const window = windowAfter(1, 2, 3);
    for (const again of [1, 2, 3]) assert.equal(window.take(again), false);
  });

  test('accepts late ones within the window, once', () => {
    const window = windowAfter(1, 20, 5, 19, 4);
    assert.equal(window.take(5), false);
    assert.equal(window.take(3), false, 'seventeen behind is too late');
  });

  test('accepts a jump ahead and closes the window behind it', () => {
    const window = windowAfter(1, 2, 1_000);
    assert.equal(window.take(2), false);
    assert.equal(window.take(999), true);
  });

  test('never accepts zero', () => {
    assert.equal(windowAfter(1).take(0), false);
    assert.equal(new SequenceWindow().take(0), false);
  });

  test('continues after the last one', () => {
    const window = windowAfter(2 ** 31 - 1, highest - 1, highest, 1, 2);
    assert.equal(window.take(highest), false);
  });

  test('the counter skips zero', () => {
    const counter = new SequenceCounter();
    assert.deepEqual([counter.next(), counter.next()], [1, 2]);
  });
});
