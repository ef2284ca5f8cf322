import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chosenDisks, type LogicalDisk, mostLogicalDisks, raidComplaint } from './raid.ts';

const disk = { size_gb: 50, raid_level: '1' };
const error = 'RAID config validation error: ';

test('takes what Ironic takes', () => {
  const whole = {
    ...{ size_gb: 'MAX', raid_level: '1+0', volume_name: 'v', is_root_volume: true, share_physical_disks: false },
    ...{ disk_type: 'ssd', interface_type: 'sas', number_of_physical_disks: 4, controller: 'RAID.1', physical_disks: ['a', 'b'] },
  };

  assert.equal(raidComplaint({ logical_disks: [whole, disk, { ...disk, size_gb: 0 }] }), undefined);
  const hints = [{ size: '> 100' }, { size: '> 100' }];
  assert.equal(raidComplaint({ logical_disks: [{ ...disk, controller: 'software', physical_disks: hints }] }), undefined);
});

const refusals: readonly [string, unknown, string][] = [
  ['a list', [], "[] is not of type 'object'"],
  ['nothing', {}, "'logical_disks' is a required property"],
  ['more', { logical_disks: [disk], more: 1 }, "Additional properties are not allowed ('more' was unexpected)"],
  ['no list', { logical_disks: disk }, `${JSON.stringify(disk)} is not of type 'array'`],
  ['an empty list', { logical_disks: [] }, '[] should be non-empty'],
  ['no disk', { logical_disks: ['x'] }, "'x' is not of type 'object'"],
  ['no level', { logical_disks: [{ size_gb: 1 }] }, "'raid_level' is a required property"],
  ['no size', { logical_disks: [{ raid_level: '1' }] }, "'size_gb' is a required property"],
  [
    'a level',
    { logical_disks: [{ ...disk, raid_level: '3' }] },
    "'3' is not one of ['JBOD', '0', '1', '2', '5', '6', '1+0', '5+0', '6+0']",
  ],
  ['a level that is a number', { logical_disks: [{ ...disk, raid_level: 1 }] }, "1 is not of type 'string'"],
  ['a size', { logical_disks: [{ ...disk, size_gb: 'most' }] }, "'most' is not valid under any of the given schemas"],
  ['a negative size', { logical_disks: [{ ...disk, size_gb: -1 }] }, '-1 is not valid under any of the given schemas'],
  ['half a size', { logical_disks: [{ ...disk, size_gb: 1.5 }] }, '1.5 is not valid under any of the given schemas'],
  ['no disks', { logical_disks: [{ ...disk, number_of_physical_disks: 0 }] }, '0 is less than or equal to the minimum of 0'],
  [
    'disks without controller',
    { logical_disks: [{ ...disk, physical_disks: ['a'] }] },
    "'controller' is a dependency of 'physical_disks'",
  ],
  [
    'one hint',
    { logical_disks: [{ ...disk, controller: 'c', physical_disks: [{ a: 1 }] }] },
    '[{"a":1}] is not valid under any of the given schemas',
  ],
  [
    'an inherited name',
    { logical_disks: [{ ...disk, constructor: 1 }] },
    "Additional properties are not allowed ('constructor' was unexpected)",
  ],
  ['a flag', { logical_disks: [{ ...disk, is_root_volume: 'yes' }] }, "'yes' is not of type 'boolean'"],
];
for (const [name, config, text] of refusals) {
  test(`refuses ${name}`, () => {
    assert.equal(raidComplaint(config), `${error}${text}`);
  });
}

test('refuses two root volumes, and more disks than can be', () => {
  const roots = [disk, disk].map((each) => ({ ...each, is_root_volume: true }));

  assert.match(raidComplaint({ logical_disks: roots }) ?? '', /more than one root volume. 2 root volumes/);
  assert.match(raidComplaint({ logical_disks: Array(mostLogicalDisks + 1).fill(disk) }) ?? '', /64 are the most/);
  assert.match(raidComplaint({ logical_disks: [{ ...disk, volume_name: 'x'.repeat(300) }] }) ?? '', /… is too long$/);
});

test('chooses the root volume, or the others', () => {
  const logical_disks: LogicalDisk[] = [
    { size_gb: 1, raid_level: '0', is_root_volume: true },
    { size_gb: 2, raid_level: '0' },
  ];

  assert.deepEqual(chosenDisks({ logical_disks }, { root: true, nonroot: false }), [logical_disks[0]]);
  assert.deepEqual(chosenDisks({ logical_disks }, { root: false, nonroot: true }), [logical_disks[1]]);
});
