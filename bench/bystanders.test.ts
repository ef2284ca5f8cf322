import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseBusySeconds } from './bystanders.ts';

test('counts all but idle and I/O wait as busy', () => {
  const stat = 'cpu  1000 200 300 99999 4000 50 60 70 500 0\ncpu0 1 1 1 1 1 1 1 1 1 1\n';
  assert.equal(parseBusySeconds(stat), 16.8);
});
