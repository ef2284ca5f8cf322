import assert from 'node:assert/strict';
import { test } from 'node:test';
import { faultOfNumbers } from './exact-json.ts';

const isRefused = (text: string) => faultOfNumbers(text) !== null;

test('rejects integers that a double cannot represent, anywhere in the body', () => {
  for (const text of [
    '{"name": 12345678901234567890}',
    '[{"a": {"b": [1, 9007199254740993]}}]',
    '-9007199254740992',
    '{"a": 1e400}',
    '{"a": -1e400}',
    '{"a": 1E+999}',
    '{"a": 9007199254740993e0}',
    '{"a": 9007199254740993.0}',
    '{"a": 9.007199254740993e15}',
    '{"a": -9007199.254740993e9}',
  ])
    assert.ok(isRefused(text), text);
});

test('accepts all other numbers, and numbers in strings', () => {
  for (const text of [
    '{"name": "12345678901234567890"}',
    '{"12345678901234567890": "1e400"}',
    '{"a": 9007199254740991, "b": -9007199254740991}',
    '{"a": 0.12345678901234567890, "b": 1e20, "c": 1.5e300}',
    '{"a": 9.007199254740991e15, "b": 1234567890.1234567890}',
    '{}',
  ])
    assert.equal(isRefused(text), false, text);
});

test('names the number and the remedy', () => {
  assert.match(
    faultOfNumbers('{"user": {"name": 12345678901234567890}}')?.message ?? '',
    /^The number 12345678901234567890 cannot be kept exactly: put it in quotes/,
  );
});
