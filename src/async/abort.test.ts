import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { suite, test } from 'node:test';
import { endWith, raceAbort } from './abort.ts';
import { LongTimer, longestTimerMs, pause } from './timers.ts';

const never = new Promise<never>(() => {});

suite('raceAbort', () => {
  test('returns the result or the error of the work, and leaves no listener', async () => {
    const { signal } = new AbortController();
    assert.equal(await raceAbort(Promise.resolve(7), signal), 7);
    await assert.rejects(raceAbort(Promise.reject(new Error('failed')), signal), /failed/);
    await new Promise(setImmediate);

    assert.equal(getEventListeners(signal, 'abort').length, 0);
  });

  test("rejects with the signal's reason, at once if it was aborted before", async () => {
    const controller = new AbortController();
    const racing = raceAbort(never, controller.signal);
    controller.abort(new Error('gone'));
    await assert.rejects(racing, /gone/);
    await assert.rejects(raceAbort(never, controller.signal), /gone/);
  });

  test('drops an error that follows the abort', async () => {
    const work = Promise.withResolvers<void>();
    const racing = raceAbort(work.promise, AbortSignal.abort(new Error('gone')));
    await assert.rejects(racing, /gone/);
    // An unhandled rejection would fail this test file.
    work.reject(new Error('late'));
    await new Promise(setImmediate);
  });
});

suite('pause', () => {
  test('resolves after its time and leaves no listener', async () => {
    const { signal } = new AbortController();
    await pause(1, signal);
    assert.equal(getEventListeners(signal, 'abort').length, 0);
  });

  test("rejects with the signal's reason, at once if it was aborted before, and leaves no timer", async () => {
    const controller = new AbortController();
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const before = timers();
    const pausing = pause(3_600_000, controller.signal);
    controller.abort(new Error('gone'));
    await assert.rejects(pausing, /gone/);
    await assert.rejects(pause(3_600_000, controller.signal), /gone/);

    assert.equal(timers(), before);
    assert.equal(getEventListeners(controller.signal, 'abort').length, 0);
  });
});

test('a long timer waits beyond the limit of setTimeout, and can be cleared', (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  let calls = 0;
  const timer = new LongTimer();
  timer.set(longestTimerMs + 1000, () => calls++);
  context.mock.timers.tick(longestTimerMs);
  assert.equal(calls, 0);
  context.mock.timers.tick(1000);
  assert.equal(calls, 1);
  timer.set(1000, () => calls++);
  timer.clear();
  context.mock.timers.tick(1000);
  assert.equal(calls, 1);
});

suite('endWith', () => {
  test('is aborted with the other signal, also with one that was aborted before', () => {
    const other = new AbortController();
    const { signal } = endWith(other.signal);
    other.abort('gone');

    assert.equal(signal.reason, 'gone');
    assert.equal(endWith(other.signal).signal.reason, 'gone');
  });

  test('is aborted alone, and leaves no listener once it is released', () => {
    const other = new AbortController();
    const one = endWith(other.signal);
    const two = endWith(other.signal);
    one.abort('over');
    one.release();
    two.release();
    other.abort('gone');

    assert.deepEqual([one.signal.reason, two.signal.aborted], ['over', false]);
    assert.equal(getEventListeners(other.signal, 'abort').length, 0);
  });
});
