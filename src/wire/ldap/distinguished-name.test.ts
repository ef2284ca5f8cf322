import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canonicalName } from './distinguished-name.ts';

test('names that a directory takes for one are one', () => {
  const same = [
    ['uid=ann,dc=example', 'UID=Ann, DC=Example', 'uid= ann ,dc=example'],
    ['cn=Smith\\, John,dc=x', 'cn=Smith\\2c John,dc=x', 'CN=smith\\,  john,dc=x'],
    ['cn=a+uid=b,dc=x', 'uid=B+CN=A,dc=x'],
    ['cn=L\\c3\\b6we,dc=x', 'cn=Löwe,dc=x'],
  ];

  for (const [first = '', ...others] of same)
    for (const other of others) assert.equal(canonicalName(other), canonicalName(first), other);
});

test('names that differ are not made equal by their escapes', () => {
  const all = ['cn=a,dc=x', 'cn=a\\,dc=x', 'cn=a+dc=x', 'cn=a\\+dc=x', 'cn="a",dc=x', 'cn=a,dc=x,dc=y', 'cn=,dc=x'];

  const names = all.map(canonicalName);

  assert.equal(new Set(names).size, all.length);
  assert.ok(!names.includes(undefined));
  for (const text of ['', 'ann', 'cn=a,', '=a', 'cn=a,,dc=x']) assert.equal(canonicalName(text), undefined, text);
});
