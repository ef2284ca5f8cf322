import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { makePassword } from './bmc-password-maker.ts';

const classes = [/[A-Z]/, /[a-z]/, /[0-9]/, /[^A-Za-z0-9]/];

test('generates a password of all four character classes and of the longest length the BMC accepts', () => {
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

const python = '/usr/bin/python3';
const withoutReferee = spawnSync(python, ['-c', 'import pwquality']).status === 0 ? false : 'there is no python3-pwquality';

test('libpwquality, by which OpenBMC checks passwords, accepts them under strict rules', { skip: withoutReferee }, () => {
  const program = `
import json, sys, pwquality
rules = pwquality.PWQSettings()
rules.minclass, rules.maxrepeat, rules.maxsequence = 4, 1, 2
refused = []
for password in json.load(sys.stdin):
    rules.minlen = len(password)
    try:
        rules.check(password, None, 'admin')
    except pwquality.PWQError as error:
        refused.append([password, error.args[1]])
print(json.dumps(refused))`;
  const judge = (passwords: readonly string[]) =>
    JSON.parse(execFileSync(python, ['-c', program], { input: JSON.stringify(passwords), encoding: 'utf8' })) as unknown[];

  assert.deepEqual(judge(Array.from({ length: 2000 }, (_, round) => makePassword(round % 2 === 0 ? {} : { most: 16 }))), []);
  assert.equal(judge(['K7h-pQQ_zM9+vX4=tR6!', 'abcK7h-pQ2_zM9+vX4=t', 'Kh-pQ_zM+vX=tR!abWcd']).length, 3);
});

test('never repeats a password', () => {
  assert.equal(new Set(Array.from({ length: 1000 }, () => makePassword())).size, 1000);
});
