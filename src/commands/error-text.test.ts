import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorText } from './error-text.ts';

test('removes terminal escape sequences from an error, and keeps its hint', () => {
  const error = Object.assign(new Error('the BMC said \u001b]0;owned\u0007\u009b2J'), { hint: 'Look\u202e at it.' });

  assert.equal(errorText(error), 'ingot: the BMC said  ]0;owned 2J\nLook  at it.\n');
  assert.equal(errorText('plain'), 'ingot: plain\n');
});
