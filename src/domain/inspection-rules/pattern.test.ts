import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Budget } from './budget.ts';
import { Pattern } from './pattern.ts';

const texts = ['', 'a', 'ab', 'aab', 'ba', 'abc123', 'a\n', 'A b', 'R640', '-', 'foo.bar@x', '\n', 'aaaa', 'x]y', 'Ä'];
/** JavaScript decides these as Python does. */
const patterns = [
  ...['a', 'a*', 'a+b', 'a?b', '^a', 'b|c', '(ab)+', '(?:a|b)*c', '[a-c]+\\d', '[^a-z]', '\\w+', '\\W', '\\s', '\\S+\\s\\S+'],
  ...[
    'a{2}',
    'a{2,}',
    'a{0,1}b',
    'a{1,3}?b',
    '\\bb',
    '\\Bb',
    '[\\w.-]+@',
    '(|a)b',
    '[]x]'.replace('[]x]', '[\\]x]'),
    'a.b',
    '\\.',
    '\\x41',
  ],
];

test('finds what a regular expression of JavaScript finds', () => {
  for (const pattern of patterns)
    for (const text of texts)
      assert.equal(
        new Pattern(pattern).isIn(text, new Budget()),
        new RegExp(pattern).test(text),
        `${pattern} in ${JSON.stringify(text)}`,
      );
});

test('matches as Python where that differs', () => {
  const isIn = (pattern: string, text: string) => new Pattern(pattern).isIn(text, new Budget());

  assert.equal(isIn('a$', 'a\n'), true);
  assert.equal(isIn('a\\Z', 'a\n'), false);
  assert.equal(isIn('(?i)dell', 'a DELL'), true);
  assert.equal(isIn('(?P<model>R\\d+)', 'R640'), true);
  assert.equal(isIn('[]a]', ']'), true);
  assert.equal(isIn('(?s)a.b', 'a\nb'), true);
  assert.equal(new Pattern('a|ab').matches('ab', new Budget(), { isWhole: true }), true);
  assert.equal(new Pattern('b').matches('ab', new Budget()), false);
});

test('refuses patterns that are not valid, need backtracking, or would be too large', () => {
  const odd = [
    '(',
    'a)',
    '*',
    'a**',
    '[a',
    '(a)\\1',
    '(?=a)',
    '(?<!a)b',
    'a{3,2}',
    'a{2000}',
    '((a{900}){900})',
    '(((){999}){999}){999}',
    '\\q',
  ];

  for (const pattern of [...odd, 'a'.repeat(1001), '('.repeat(60) + ')'.repeat(60)])
    assert.throws(() => new Pattern(pattern), { name: 'Error' }, pattern.slice(0, 40));
});

test('takes no more steps than pattern times text', () => {
  const budget = new Budget(2_000_000);

  assert.equal(new Pattern('(a+)+(a|aa)*b').isIn('a'.repeat(20_000), budget), false);
});
