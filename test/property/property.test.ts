/** `PROPERTY_RUNS=1 PROPERTY_SEED=N` repeats a run; see main.ts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openRuns, reduce } from './runs.ts';

const first = Number(process.env['PROPERTY_SEED'] ?? 1);
const count = Number(process.env['PROPERTY_RUNS'] ?? 150);
/** Seeds that have found faults, as far as they are not among the first. */
const regressions = process.env['PROPERTY_SEED'] === undefined ? [181] : [];

test('whatever users, hardware and crashes do, nodes come to rest clean, explained and usable', async (t) => {
  const { run, close } = await openRuns();
  t.after(close);
  for (const seed of [...Array.from({ length: count }, (_, index) => first + index), ...regressions]) {
    const outcome = await run(seed);
    assert.equal(outcome.violations.length, 0, outcome.violations.length > 0 ? await reduce(run, seed, outcome) : '');
  }
});

test('a run can be repeated: the same seed leads to the same events', async (t) => {
  const { run, close } = await openRuns();
  t.after(close);
  for (const seed of [3, 4]) assert.deepEqual((await run(seed)).log, (await run(seed)).log);
});
