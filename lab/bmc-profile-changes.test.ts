import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseChanges, readChanges } from './bmc-profile-changes.ts';

test('parses changes from the command line', () => {
  const changes = readChanges(['silent=true', 'delayMs=200', 'dropRate=0.5', 'cipherSuites=3,17']);

  assert.deepEqual(changes, { silent: true, delayMs: 200, dropRate: 0.5, cipherSuites: [3, 17] });
  assert.deepEqual(parseChanges(changes), changes);
});

test('rejects unknown names and wrong values', () => {
  assert.throws(() => parseChanges({ loud: true }), /no 'loud'; it has silent/);
  assert.throws(() => parseChanges({ silent: 1 }), /'silent' must be like false, not 1/);
  assert.throws(() => parseChanges({ cipherSuites: 3 }), /'cipherSuites'/);
  assert.throws(() => readChanges(['silent']), /NAME=VALUE/);
});
