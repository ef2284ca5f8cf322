import assert from 'node:assert/strict';
import { test } from 'node:test';
import { elementOf, plainAddress, rangesOf } from './ranges.ts';

test('joins ranges that overlap or follow one another, and leaves out what is not IPv4', () => {
  const of = (...texts: string[]) => rangesOf(texts).map(elementOf);

  assert.deepEqual(of('10.0.1.0/24', '10.0.0.0/24', '10.0.0.7'), ['10.0.0.0-10.0.1.255']);
  assert.deepEqual(of('10.0.0.9', '10.0.0.0/8', '172.16.0.1'), ['10.0.0.0-10.255.255.255', '172.16.0.1']);
  assert.deepEqual(of('2001:db8::/32', 'drop', '10.0.0.1;'), []);
});

test('lets nothing but an IPv4 address into a rule', () => {
  assert.equal(plainAddress('10.0.0.1'), '10.0.0.1');
  for (const text of ['10.0.0.1 accept', '::1', '', '10.0.0.1\n']) assert.throws(() => plainAddress(text), /is not an IPv4/);
});
