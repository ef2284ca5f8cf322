import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseDisk } from './choose-disk.ts';
import type { Disk } from './messages.ts';

const gibibyte = 1024 ** 3;
const disk = (name: string, gib: number, more: Partial<Disk> = {}): Disk => ({
  device: `/dev/${name}`,
  size_bytes: gib * gibibyte,
  model: 'ACME Rotor 9',
  serial: `S-${name}`,
  rotational: true,
  removable: false,
  discard_max_bytes: 0,
  write_zeroes_max_bytes: 0,
  ...more,
});
const disks = [
  disk('sda', 4000),
  disk('sdb', 480, { model: 'ACME Flash', rotational: false }),
  disk('sdc', 100, { removable: true }),
  disk('nvme0n1', 960, { model: 'Other NVMe', rotational: false }),
];
const choose = (hints: Record<string, string> | undefined, minimumGib = 1) =>
  chooseDisk(disks, { hints, minimumBytes: minimumGib * gibibyte }).device;

const cases: [string, Record<string, string> | undefined, string][] = [
  ['no hint: the smallest fixed disk', undefined, '/dev/sdb'],
  ['by name', { name: '/dev/sda' }, '/dev/sda'],
  ['by serial, whatever the case', { serial: 's-NVME0N1' }, '/dev/nvme0n1'],
  ['a bare size is exact', { size: '960' }, '/dev/nvme0n1'],
  ['an exact size', { size: '== 4000' }, '/dev/sda'],
  ['part of a model', { model: '<in> nvme' }, '/dev/nvme0n1'],
  ['alternatives', { model: '<or> x <or> ACME Flash' }, '/dev/sdb'],
  ['two hints', { rotational: 'false', size: '> 480' }, '/dev/nvme0n1'],
  ['not this one', { model: 's!= ACME Flash', rotational: 'false' }, '/dev/nvme0n1'],
];
for (const [name, hints, expected] of cases) test(name, () => assert.equal(choose(hints), expected));

test('rejects a disk that is too small for the image', () => assert.equal(choose(undefined, 1000), '/dev/sda'));

test('lists the reason for each disk if none matches', () => {
  assert.throws(() => choose({ serial: 'S-9' }, 500), {
    message:
      /^no disk fits: \/dev\/sda has serial 'S-sda', wanted 'S-9'; \/dev\/sdb has 515396075520 bytes of the 536870912000 needed; \/dev\/sdc is removable; /,
  });
  assert.throws(() => choose({ colour: 'red' }), /'colour' is not known \(known: name, model, /);
  assert.throws(() => choose({ size: '900' }), /nvme0n1 has size '960', wanted '900'/);
  assert.throws(() => choose({ wwn: 's!= 0x1' }), /sda has no wwn/);
  assert.throws(() => chooseDisk([], { minimumBytes: 1 }), /no disk was found/);
});
