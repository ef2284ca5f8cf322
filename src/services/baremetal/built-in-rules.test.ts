import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseBuiltInRules } from './built-in-rules.ts';

const read = (text: string) => parseBuiltInRules(text, '/etc/rules.yaml');

test('reads rules of YAML and JSON, and numbers those without a UUID as Ironic does', () => {
  const yaml = `
- description: large machines
  priority: 20000
  sensitive: true
  conditions:
    - {op: gt, args: {values: ["{inventory[cpu][count]}", 8]}}
  actions:
    - op: add-trait
      args: {name: CUSTOM_LARGE}
- uuid: site-rule
  actions: [{op: fail, args: [no]}]
- priority: -5
  actions: [{op: log, args: {msg: seen}}]
`;

  const rules = read(yaml);

  assert.deepEqual(
    rules.map(({ uuid, priority, sensitive, phase }) => [uuid, priority, sensitive, phase]),
    [
      ['00000000-0000-0000-0000-000000000000', 20_000, true, 'main'],
      ['site-rule', 0, false, 'main'],
      ['00000000-0000-0000-0000-000000000001', -5, false, 'main'],
    ],
  );
  assert.deepEqual(read(JSON.stringify([{ actions: [{ op: 'fail', args: { msg: 'x' } }] }]))[0]?.conditions, []);
  assert.deepEqual(read('[]'), []);
});

test('names file and rule of what cannot be applied', () => {
  const action = { op: 'fail', args: { msg: 'x' } };
  for (const [rules, words] of [
    [{ actions: [action] }, /should contain a list of rules/],
    [[{ actions: [action] }, { actions: [] }], /at rule 2: .*actions/],
    [[{ actions: [{ op: 'api-call', args: { url: 'http://192.0.2.1/' } }] }], /at rule 1: .*api-call/],
    [[{ actions: [{ op: 'fail', args: {} }] }], /missing required argument\(s\): msg/],
    [[{ actions: [action], phase: 'other' }], /Invalid phase: other/],
    [
      [{ actions: [action], conditions: [{ op: 'matches', args: { value: 'x', regex: '(?=a)' } }] }],
      /invalid regular expression/,
    ],
    [Array.from({ length: 1001 }, () => ({ actions: [action] })), /more than 1000 rules/],
    [[null], /at rule 1/],
  ] as const)
    assert.throws(() => read(JSON.stringify(rules)), { code: 'badRequest', message: words });
  assert.throws(() => read('a: [b'), { message: /inspection.built_in_rules: \/etc\/rules.yaml is neither YAML nor JSON/ });
  const bomb = [
    'a: &a [x,x]',
    ...['b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'].map((name, index) => {
      const last = 'abcdefgh'[index];
      return `${name}: &${name} [${Array.from({ length: 9 }, () => `*${last}`).join(',')}]`;
    }),
  ].join('\n');
  assert.throws(() => read(bomb), { code: 'badRequest' });
});
