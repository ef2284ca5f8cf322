import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkRules, type LocalRule, MappingError, mapAssertion, type RemoteRule } from './mapping-rules.ts';

const assertion = new Map(
  Object.entries({
    name: ['ann'],
    mail: ['ann@example.org'],
    groups: ['staff', 'admins; root', 'x'],
    empty: [],
    title: ['Engineer'],
  }),
);
const rule = (local: LocalRule[], remote: RemoteRule[]) => ({ local, remote });
const Default = { name: 'Default' };
const user = rule([{ user: { name: '{0}' } }], [{ type: 'name' }]);

test('values stand for the remote rules without a condition, in order', () => {
  const rules = [
    rule(
      [{ user: { name: '{1} <{0}> {{x}}', email: '{0}' }, group: { id: 'g1' } }],
      [{ type: 'mail' }, { type: 'title', any_one_of: ['Engineer', 'Boss'] }, { type: 'name' }],
    ),
    rule([{ user: { name: 'second' } }, { groups: '{0}', domain: Default }], [{ type: 'groups' }]),
  ];

  assert.deepEqual(mapAssertion(rules, assertion), {
    user: { name: 'ann <ann@example.org> {x}', email: 'ann@example.org' },
    groups: [{ id: 'g1' }, ...['staff', 'admins; root', 'x'].map((name) => ({ name, domain: Default }))],
  });
});

test('conditions decide whether a rule holds, lists which values are left', () => {
  const holds = (remote: RemoteRule) =>
    mapAssertion([user, rule([{ group: { id: 'g' } }], [remote])], assertion).groups.length > 0;
  const left = (remote: RemoteRule) =>
    mapAssertion([user, rule([{ group_ids: '{0}' }], [remote])], assertion).groups.map((group) => 'id' in group && group.id);

  assert.deepEqual(
    [
      holds({ type: 'groups', any_one_of: ['staff'] }),
      holds({ type: 'groups', any_one_of: ['root'] }),
      holds({ type: 'groups', not_any_of: ['root'] }),
      holds({ type: 'groups', not_any_of: ['x'] }),
      holds({ type: 'mail', any_one_of: ['@example\\.org$'], regex: true }),
      holds({ type: 'mail', any_one_of: ['@example\\.org$'] }),
      holds({ type: 'mail', not_any_of: ['.*@example'], regex: true }),
      holds({ type: 'absent' }),
      holds({ type: 'empty', not_any_of: ['x'] }),
    ],
    [true, false, true, false, true, false, false, false, false],
  );
  assert.deepEqual(left({ type: 'groups', whitelist: ['staff', 'other'] }), ['staff']);
  assert.deepEqual(left({ type: 'groups', whitelist: [] }), []);
  assert.deepEqual(left({ type: 'groups', blacklist: ['staff'] }), ['admins; root', 'x']);
  assert.deepEqual(left({ type: 'groups', whitelist: ['^s', 'x'], regex: true }), ['staff', 'x']);
});

test('what does not fit is an error, never a part of it', () => {
  const several = rule([{ user: { name: 'of {0}' } }], [{ type: 'groups' }]);
  const none = rule([{ user: { name: '{0}' } }], [{ type: 'groups', whitelist: [] }]);
  const otherwise = rule([{ group: { id: 'g' } }], [{ type: 'name', any_one_of: ['bob'] }]);

  for (const wrong of [several, none, otherwise]) assert.throws(() => mapAssertion([wrong], assertion), MappingError);
});

test('rules that cannot hold for any user are refused', () => {
  const remote = [{ type: 'a' }, { type: 'b', any_one_of: ['x'] }];
  const wrong: LocalRule[] = [
    { user: { name: '{1}' } },
    { user: { name: '{0' } },
    { user: { name: '{name}' } },
    { groups: '{0}' },
    { groups: '{0}', domain: {} },
    { group: { name: 'g', domain: {} } },
  ];

  for (const local of wrong) assert.throws(() => checkRules([rule([local], remote)]), MappingError, JSON.stringify(local));
  assert.throws(() => checkRules([rule([{}], [{ type: 'a', any_one_of: ['('], regex: true }])]), /Invalid regular expression/);
  checkRules([rule([{ user: { name: '{0}' } }, { groups: 'g', domain: Default }], remote)]);
});

test('a pattern that would take for ever ends', () => {
  const slow = rule([{ group: { id: 'g' } }], [{ type: 'long', any_one_of: ['^(a+)+$', '(a|a)*b'], regex: true }]);
  const long = new Map([['long', Array.from({ length: 500 }, () => `${'a'.repeat(4000)}!`)]]);

  assert.throws(() => mapAssertion([slow], long), /take too long/);
});
