import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Json } from '#domain/json.ts';
import { rootDiskNames } from './root-disk.ts';

const names = (root_device?: Json) =>
  rootDiskNames({
    name: 'n1',
    uuid: '5f1f7c2e-0c7e-4b7e-9a4e-2f7f5b1d0001',
    properties: root_device === undefined ? {} : { root_device },
  });

test('uses the classic order without hints, and the disk that a name selects', () => {
  assert.equal(names(), 'cciss/c0d0,sda,hda,vda,nvme0n1');
  assert.equal(names({}), 'cciss/c0d0,sda,hda,vda,nvme0n1');
  assert.equal(names({ name: '/dev/sdb' }), 'sdb');
  assert.equal(names({ name: 's== /dev/cciss/c0d1' }), 'cciss/c0d1');
});

test('rejects hints that the classic ramdisk does not support', () => {
  const refused: Json[] = [
    { serial: 'S1' },
    { name: '/dev/sdb', size: 5 },
    { name: 's!= /dev/sda' },
    { name: 'sda' },
    { name: '/dev/sda,sdb' },
    '/dev/sda',
  ];
  for (const hints of refused) assert.throws(() => names(hints), { code: 'badRequest' });
});
