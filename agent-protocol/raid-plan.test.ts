import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Disk } from './messages.ts';
import { complaintsOfVolumes, diskOf, membersOf, partitionOf, planRaid, type WantedVolume } from './raid-plan.ts';

const gib = 1024 ** 3;
const disk = (name: string, more: Partial<Disk> = {}): Disk => ({
  ...{ device: `/dev/${name}`, size_bytes: 100 * gib, model: 'M', serial: name, rotational: false, removable: false },
  ...{ discard_max_bytes: 0, write_zeroes_max_bytes: 0, ...more },
});
const volume = (more: Partial<WantedVolume> = {}): WantedVolume => ({
  ...{ raid_level: '1', size_gb: 'MAX', controller: 'software' },
  ...more,
});
const four = ['sda', 'sdb', 'sdc', 'sdd'].map((name) => disk(name));
const plan = (volumes: WantedVolume[], more: Partial<Parameters<typeof planRaid>[0]> = {}) =>
  planRaid({ disks: four, bootMode: 'uefi', volumes, ...more });

test('mirrors whole disks, each with an EFI system partition', () => {
  const { table, disks, arrays } = plan([volume({ is_root_volume: true })], { disks: four.slice(0, 2) });

  const partitions = [
    { kind: 'esp', startMib: 1, sizeMib: 550 },
    { kind: 'raid', startMib: 551, sizeMib: 100 * 1024 - 1 - 551 },
  ];
  assert.equal(table, 'gpt');
  assert.deepEqual(disks, [
    { device: '/dev/sda', partitions },
    { device: '/dev/sdb', partitions },
  ]);
  assert.deepEqual(arrays, [
    { name: 'md0', level: '1', metadata: '1.2', members: ['/dev/sda2', '/dev/sdb2'], isRoot: true },
    { name: 'esp', level: '1', metadata: '1.0', members: ['/dev/sda1', '/dev/sdb1'] },
  ]);
});

test('the volume of size MAX is laid out last and gets what the smallest member has left', () => {
  const disks = [...four.slice(0, 2), disk('sdc', { size_bytes: 50 * gib })];
  const volumes = [
    volume({ volume_name: 'root', size_gb: 'MAX', physical_disks: [{ name: '/dev/sda' }, { serial: 'sdb' }] }),
    volume({ volume_name: 'data', raid_level: '5', size_gb: 20 }),
  ];
  const { arrays, disks: planned } = plan(volumes, { disks, bootMode: 'bios' });

  assert.deepEqual(
    arrays.map(({ name, members }) => [name, members]),
    [
      ['data', ['/dev/sda1', '/dev/sdb1', '/dev/sdc1']],
      ['root', ['/dev/sda2', '/dev/sdb2']],
    ],
  );
  // 20 GiB of RAID 5 are 10 GiB of each of three, and mdadm's own data.
  assert.deepEqual(planned[2]?.partitions, [{ kind: 'raid', startMib: 1, sizeMib: 10 * 1024 + 10 + 4 }]);
  assert.deepEqual(planned[0]?.partitions[1], { kind: 'raid', startMib: 10_255, sizeMib: 100 * 1024 - 1 - 10_255 });
});

test('an MBR is for BIOS machines with disks that it can count', () => {
  const table = (more: Partial<Parameters<typeof planRaid>[0]>) => plan([volume()], { bootMode: 'bios', ...more }).table;
  assert.equal(table({}), 'dos');
  assert.equal(table({ diskLabel: 'gpt' }), 'gpt');
  assert.equal(table({ diskLabel: 'msdos', disks: ['sda', 'sdb'].map((name) => disk(name, { size_bytes: 4000 * gib })) }), 'gpt');
});

test('chooses disks by type, interface, number and hints', () => {
  const disks = [
    disk('sda', { rotational: true, tran: 'sas' }),
    disk('sdb', { tran: 'sata' }),
    disk('sdc', { tran: 'sata' }),
    disk('sdd', { tran: 'sata', removable: true }),
    disk('nvme0n1', { tran: 'nvme', size_bytes: 200 * gib }),
  ];
  const names = (more: Partial<WantedVolume>) => membersOf(volume(more), disks).map(({ device }) => device);
  assert.deepEqual(names({}), ['/dev/sda', '/dev/sdb', '/dev/sdc', '/dev/nvme0n1']);
  assert.deepEqual(names({ disk_type: 'ssd', number_of_physical_disks: 2 }), ['/dev/sdb', '/dev/sdc']);
  assert.deepEqual(names({ interface_type: 'sata' }), ['/dev/sdb', '/dev/sdc']);
  assert.deepEqual(names({ physical_disks: [{ size: '>= 150' }, { rotational: false }] }), ['/dev/nvme0n1', '/dev/sdb']);
  assert.throws(() => names({ disk_type: 'hdd' }), /RAID 1 needs 2 disks, of which 1 were found \(\/dev\/sda\)/);
  assert.throws(() => names({ physical_disks: [{ serial: 'sdb' }, { serial: 'sdb' }] }), /no disk that is left fits/);
  assert.throws(() => names({ raid_level: '6', disk_type: 'ssd' }), /RAID 6 needs 4 disks/);
});

const wrong: readonly (readonly [about: string, volumes: readonly WantedVolume[], complaint: RegExp])[] = [
  ['three volumes', [volume(), volume({ size_gb: 1 }), volume({ size_gb: 2 })], /2 logical disks at most/],
  ['a first volume without mirror', [volume({ raid_level: '5' })], /the first logical disk must be RAID 1/],
  ['two of size MAX', [volume(), volume()], /only one logical disk can have the size MAX/],
  ['a hardware controller', [volume({ controller: 'RAID.Integrated.1-1' })], /has no controller 'software'/],
  ['a level of controllers', [volume(), volume({ size_gb: 9, raid_level: '5+0' })], /logical disk 2 has RAID level 5\+0/],
  ['no size', [volume({ size_gb: 0 })], /has no size/],
  ['the same name twice', [volume({ volume_name: 'a' }), volume({ volume_name: 'a', size_gb: 1 })], /the same volume_name/],
  ['the name of a default', [volume({ volume_name: 'md0' }), volume({ size_gb: 1 })], /the same volume_name/],
  ['the name of the ESPs', [volume({ volume_name: 'esp' })], /volume_name/],
  ['a name for a shell', [volume({ volume_name: '$(reboot)' })], /volume_name/],
  ['too few disks', [volume(), volume({ size_gb: 9, raid_level: '6', number_of_physical_disks: 3 })], /RAID 6 needs 4/],
  ['ids of disks', [volume({ physical_disks: ['1', '2'] })], /objects of root device hints/],
  ['unknown hints', [volume({ physical_disks: [{ colour: 'red' }, {}] })], /root device hint 'colour' is not known/],
];
for (const [about, volumes, complaint] of wrong)
  test(`refuses ${about}`, () => {
    assert.match(complaintsOfVolumes(volumes).join('; '), complaint);
    assert.throws(() => plan([...volumes]), complaint);
  });

test('refuses what does not fit, and a root volume that a BIOS could not start', () => {
  assert.throws(
    () => plan([volume({ size_gb: 100 })]),
    /size 100 needs 102504 MiB of each member, and \/dev\/sda has 101848 MiB left/,
  );
  assert.throws(
    () => plan([volume()], { disks: [disk('sda', { size_bytes: gib / 2 }), disk('sdb')] }),
    /\/dev\/sda has 0 MiB left/,
  );
  assert.throws(() => plan([volume({ is_root_volume: true })], { bootMode: 'bios' }), /starts by BIOS/);
});

test('names partitions as the kernel does', () => {
  const names = [
    ['/dev/sda', 1, '/dev/sda1'],
    ['/dev/sdaa', 12, '/dev/sdaa12'],
    ['/dev/nvme0n1', 2, '/dev/nvme0n1p2'],
    ['/dev/md0', 1, '/dev/md0p1'],
    ['/dev/cciss/c0d0', 3, '/dev/cciss/c0d0p3'],
  ] as const;
  for (const [device, number, partition] of names) {
    assert.equal(partitionOf(device, number), partition);
    assert.equal(diskOf(partition), device);
    assert.equal(diskOf(device), device);
  }
});
