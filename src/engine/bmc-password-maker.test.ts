import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makePassword } from './bmc-password-maker.ts';

const classes = [/[A-Z]/, /[a-z]/, /[0-9]/, /[^A-Za-z0-9]/];

test('a new password has all four classes, and as many characters as the BMC takes', () => {
  for (const [rules, length] of [
    [undefined, 20],
    [{ most: 16 }, 16],
    [{ least: 24, most: 40 }, 24],
    [{ least: 8 }, 20],
    [{ most: 2 }, 4],
  ] as const) {
    for (let round = 0; round < 200; round++) {
      const password = makePassword(rules);
      assert.equal(password.length, length);
      for (const one of classes) assert.match(password, one);
    }
  }
});

test('no two are the same', () => {
  assert.equal(new Set(Array.from({ length: 1000 }, () => makePassword())).size, 1000);
});
