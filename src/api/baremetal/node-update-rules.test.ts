import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonPatch } from '#services/baremetal/json-patch.ts';
import { updateRulesOf } from './node-update-rules.ts';

const add = (path: string, value: unknown) => ({ op: 'add' as const, path, value });
const drop = (path: string) => ({ op: 'remove' as const, path });

const rows: [patch: JsonPatch, rules: string[]][] = [
  [[], ['update']],
  [[add('/description', 'x')], ['update']],
  [[add('/protected', true)], ['update']],
  [
    [add('/name', 'x'), add('/extra/a', 1)],
    ['update:name', 'update_extra'],
  ],
  [[add('/retired_reason', 'old')], ['update:retired']],
  [[add('/power_interface', 'fake')], ['update:driver_interfaces']],
  [[add('/network_interface', 'noop')], ['update:driver_interfaces']],
  [[add('/maintenance', true)], ['set_maintenance']],
  [[add('/maintenance', 'False')], ['clear_maintenance']],
  [[drop('/maintenance')], ['clear_maintenance']],
  [[{ op: 'copy', from: '/extra/a', path: '/maintenance' }], ['set_maintenance', 'clear_maintenance', 'update_extra']],
  [[add('/automated_clean', true)], ['update']],
  [[add('/automated_clean', null)], ['update']],
  [[add('/automated_clean', 'no')], ['disable_cleaning']],
  [[{ op: 'copy', from: '/retired', path: '/automated_clean' }], ['disable_cleaning', 'update:retired']],
  [[{ op: 'move', from: '/owner', path: '/extra/a' }], ['update_extra', 'update:owner']],
];
for (const [patch, rules] of rows) {
  test(`a patch ${JSON.stringify(patch)} needs ${rules.join(', ')}`, () => {
    const expected = rules.map((name) => `baremetal:node:${name}`);

    assert.deepEqual([...updateRulesOf(patch)].sort(), expected.sort());
  });
}
