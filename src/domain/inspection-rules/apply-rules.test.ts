import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Json, JsonObject } from '../json.ts';
import type { Draft } from './actions.ts';
import { applyRules } from './apply-rules.ts';
import { Budget, RuleFailure } from './budget.ts';
import type { RuleAction, RuleCondition } from './rule.ts';

const port = '00000000-0000-4000-8000-000000000001';
const inventory = {
  cpu: { count: 4, model_name: 'Xeon' },
  bmc_address: '192.0.2.7',
  interfaces: [{ name: 'eth0' }],
  password: 'geheim',
};

function draft(): Draft {
  const node = { name: 'n1', traits: ['CUSTOM_OLD'], properties: {}, extra: {}, driver_info: { ipmi_password: 'geheim' } };
  return { node, ports: [{ uuid: port, extra: {}, category: null }], plugin_data: { macs: ['a'] }, messages: [] };
}

/** What one rule makes of the node. */
function applied(actions: RuleAction[], conditions: RuleCondition[] = []): Draft {
  const changed = draft();
  applyRules([{ uuid: 'r', priority: 0, conditions, actions }], { ...changed, inventory, shown: { uuid: 'u' } });
  return changed;
}

const yes: RuleAction = { op: 'set-attribute', args: { path: 'extra/yes', value: true } };
const holds = (condition: RuleCondition) => Object.keys(applied([yes], [condition]).node['extra'] as JsonObject).length === 1;
const set = (value: Json) =>
  (applied([{ op: 'set-attribute', args: { path: 'extra/a', value } }]).node['extra'] as JsonObject)['a'];

/** Each with the result in Ironic. */
const conditionTable: readonly [boolean, RuleCondition][] = [
  [true, { op: 'eq', args: { values: ['{inventory[cpu][count]}', '4'] } }],
  [false, { op: 'eq', args: { values: ['{inventory[cpu][count]}', 4] } }],
  [true, { op: 'eq', args: { values: ['{inventory[cpu][count]}', 4], force_strings: true } }],
  [true, { op: 'eq', args: [[1, 1.0, true]] }],
  [true, { op: '!eq', args: { values: ['a', 'b'] } }],
  [true, { op: 'lt', args: { values: [1, 2, 3] } }],
  [false, { op: 'gt', args: { values: [1, 2] } }],
  [true, { op: 'is-empty', args: { value: '{inventory[nothing]}' } }],
  [true, { op: 'is-empty', args: { value: [] } }],
  [false, { op: 'is-empty', args: { value: '{inventory}' } }],
  [true, { op: 'in-net', args: { address: '{inventory[bmc_address]}', subnet: '192.0.2.0/24' } }],
  [false, { op: 'in-net', args: { address: '2001:db8::1', subnet: '192.0.2.0/24' } }],
  [true, { op: 'matches', args: { value: '{inventory[cpu][model_name]}', regex: 'X[a-z]+' } }],
  [false, { op: 'matches', args: { value: '{inventory[cpu][model_name]}', regex: 'Xe' } }],
  [true, { op: 'contains', args: { value: '{inventory[cpu][model_name]}', regex: 'eo' } }],
  [true, { op: 'one-of', args: { value: '{node.name}', values: ['n1', 'n2'] } }],
  [true, { op: 'is-none', args: { value: null } }],
  [true, { op: 'is-true', args: { value: 'Yes' } }],
  [false, { op: 'is-true', args: { value: 'on' } }],
  [true, { op: 'is-false', args: { value: 0 } }],
  [true, { op: 'eq', args: { values: ['{item}', '{inventory[cpu][count]}'] }, loop: [3, 4] }],
  [false, { op: 'eq', args: { values: ['{item}', '4'] }, loop: [3, 4], multiple: 'all' }],
  [true, { op: 'eq', args: { values: ['{item}', '4'] }, loop: [3, 4], multiple: 'last' }],
  [true, { op: 'eq', args: { values: ['{item[a]}', '4'] }, loop: { a: 4 } }],
];

test('conditions hold as in Ironic', () => {
  for (const [expected, condition] of conditionTable) assert.equal(holds(condition), expected, JSON.stringify(condition));
});

test('fields in braces are filled in, and texts with others stay as they are', () => {
  assert.equal(set('{node.uuid}: {inventory[interfaces][0][name]} of {{n}}'), 'u: eth0 of {n}');
  assert.equal(set('{inventory[cpu]}'), "{'count': 4, 'model_name': 'Xeon'}");
  for (const odd of [
    '{inventory[disk]}',
    '{inventory.cpu}',
    '{node[name]}',
    '{',
    '{item}',
    '{node.__class__}',
    '{0}',
    '{node.name:>9}',
  ])
    assert.equal(set(odd), odd);
  assert.deepEqual(set({ list: ['{node.name}'], number: 1 }), { list: ['n1'], number: 1 });
});

test('rules see neither secrets of the ramdisk nor settings of the driver that are no addresses', () => {
  assert.equal(set('{inventory[password]}'), '***');
  assert.equal(set('{node.driver_info[ipmi_password]}'), '{node.driver_info[ipmi_password]}');
});

test('actions change attributes, capabilities, traits, ports and plugin data', () => {
  const actions: RuleAction[] = [
    { op: 'set-attribute', args: { path: 'properties.cpu.model', value: '{inventory[cpu][model_name]}' } },
    { op: 'extend-attribute', args: { path: '/extra/list', value: 1, unique: true } },
    { op: 'extend-attribute', args: { path: '/extra/list', value: 1, unique: true } },
    { op: 'set-capability', args: ['boot_mode', 'bios'] },
    { op: 'set-capability', args: { name: 'boot_mode', value: 'uefi' } },
    { op: 'set-capability', args: { name: 'gone', value: 'x' } },
    { op: 'unset-capability', args: { name: 'gone' } },
    { op: 'add-trait', args: { name: 'CUSTOM_NEW' } },
    { op: 'remove-trait', args: { name: 'CUSTOM_OLD' } },
    { op: 'set-port-attribute', args: { port_id: port, path: 'category', value: 'fast' } },
    { op: 'extend-port-attribute', args: { port_id: port, path: 'extra/a', value: 1 } },
    { op: 'set-plugin-data', args: { path: 'a.b', value: 1 } },
    { op: 'extend-plugin-data', args: { path: 'macs', value: 'b' } },
    { op: 'unset-plugin-data', args: { path: 'nothing.there' } },
    { op: 'set-attribute', args: { path: 'extra/{item}', value: '{item}' }, loop: ['x', 'y'] },
    { op: 'log', args: { msg: 'seen {node.name}' } },
    { op: 'del-attribute', args: { path: 'name' } },
  ];

  const { node, ports, plugin_data, messages } = applied(actions);

  assert.deepEqual(node['properties'], { cpu: { model: 'Xeon' }, capabilities: 'boot_mode:uefi' });
  assert.deepEqual(node['extra'], { list: [1], x: 'x', y: 'y' });
  assert.deepEqual([node['traits'], node['name']], [['CUSTOM_NEW'], null]);
  assert.deepEqual(ports, [{ uuid: port, category: 'fast', extra: { a: [1] } }]);
  assert.deepEqual(plugin_data, { macs: ['a', 'b'], a: { b: 1 } });
  assert.deepEqual(messages, ['seen n1']);
});

test('rules with a higher priority come first, and the next see what they did', () => {
  const changed = draft();
  const append = (value: string): RuleAction => ({ op: 'extend-attribute', args: { path: 'extra/order', value } });
  const rule = (priority: number, value: string) => ({ uuid: value, priority, conditions: [], actions: [append(value)] });

  applyRules([rule(1, 'low'), rule(5, 'high {node.extra}'), rule(5, 'then {node.extra}')], { ...changed, inventory, shown: {} });

  assert.deepEqual(changed.node['extra'], { order: ['high {}', `then {'order': ['high {}']}`, 'low'] });
});

test('a rule that fails, or cannot be applied, says why', () => {
  const failures: [RegExp, RuleAction][] = [
    [/no GPU.*rule r/, { op: 'fail', args: { msg: 'no GPU' } }],
    [
      /cannot change the attribute 'provision_state'/,
      { op: 'set-attribute', args: { path: 'provision_state', value: 'active' } },
    ],
    [/there is no object at 'name'/, { op: 'set-attribute', args: { path: 'name/a', value: 1 } }],
    [/Cannot extend non-list/, { op: 'extend-attribute', args: { path: 'name', value: 1 } }],
    [/there is nothing at extra\/a/, { op: 'del-attribute', args: { path: 'extra/a' } }],
    [/Port x could not be found/, { op: 'set-port-attribute', args: { port_id: 'x', path: 'extra', value: {} } }],
    [/at most 30 parts/, { op: 'set-plugin-data', args: { path: 'a.'.repeat(40), value: 1 } }],
  ];

  for (const [words, action] of failures) assert.throws(() => applied([action]), { message: words });
  const odd: RuleCondition = { op: 'lt', args: { values: [1, 'a'] } };
  assert.throws(() => applied([yes], [odd]), /cannot be compared/);
  assert.throws(() => applied([yes], [{ op: 'contains', args: ['a', '(?=a)'] }]), /invalid regular expression/);
});

test('a key named like a part of JavaScript is only a key', () => {
  const { node } = applied([{ op: 'set-attribute', args: { path: 'extra/__proto__/polluted', value: true } }]);

  assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
  assert.equal(JSON.stringify(node['extra']), '{"__proto__":{"polluted":true}}');
});

test('rules that would take long fail', () => {
  const loop = Array.from({ length: 5000 }, (_, index) => index);
  const slow: RuleCondition = { op: 'contains', args: { value: 'a'.repeat(20_000), regex: '(a|aa)+(a|aa)+b' }, loop };
  const changed = draft();

  const applying = () =>
    applyRules(
      [{ uuid: 'r', priority: 0, conditions: [slow], actions: [yes] }],
      { ...changed, inventory, shown: {} },
      new Budget(100_000),
    );

  assert.throws(applying, (error) => error instanceof RuleFailure && /take too long/.test(error.message));
});
