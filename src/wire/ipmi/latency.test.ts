import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Latency } from './latency.ts';
import { defaultTimings as timings } from './timings.ts';

function latencyAfter(...answers: number[]): Latency {
  const latency = new Latency();
  for (const milliseconds of answers) latency.answered(milliseconds);
  return latency;
}

suite('the learned latency', () => {
  test('an unknown BMC gets the default timeout', () => {
    const latency = new Latency();
    assert.equal(latency.milliseconds, undefined);
    assert.equal(latency.firstWait(timings), timings.firstWait);
  });

  test('a fast BMC is retried sooner, within limits', () => {
    assert.equal(latencyAfter(2, 2, 2, 2).firstWait(timings), timings.shortestWait);
    assert.equal(latencyAfter(200, 200).firstWait(timings), 200 + 4 * 75);
  });

  test('a slow BMC gets a longer timeout, within limits', () => {
    assert.equal(latencyAfter(1_000).firstWait(timings), 3_000);
    assert.equal(latencyAfter(9_000).firstWait(timings), timings.longestWait);
  });

  test('an answer to a retry only lengthens the timeout', () => {
    const latency = latencyAfter(2);
    latency.repeated(2_250);
    assert.deepEqual([latency.milliseconds, latency.firstWait(timings)], [2, 2_250]);

    latency.answered(2);
    assert.equal(latency.firstWait(timings), timings.shortestWait);
  });
});
