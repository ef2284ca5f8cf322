import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withBmcTime } from './step-deadlines.ts';

const run = async () => ({ next: true }) as const;
const steps = [
  { name: 'write', title: 'Write', deadlineSeconds: 100, run },
  { name: 'set boot', title: 'Set boot', deadlineSeconds: 120, powerChanges: 0, run },
  { name: 'restart', title: 'Restart', deadlineSeconds: 300, powerChanges: 2, run },
];
const deadlines = (timeout: number, maxWait: number) =>
  withBmcTime(steps, { 'power.timeout': timeout, 'bmc.grace_period': maxWait }).map(({ deadlineSeconds }) => deadlineSeconds);

test('BMC steps have deadlines no shorter than the configured timeouts', () => {
  assert.deepEqual(deadlines(60, 0), [100, 120, 300]);
  assert.deepEqual(deadlines(10, 60), [100, 180, 480]);
  assert.deepEqual(deadlines(600, 60), [100, 180, 300 + 2 * 540 + 3 * 60]);
});
