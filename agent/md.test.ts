import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseScan } from './md.ts';

/** Of mdadm 4.2 in the deploy ramdisk, with two arrays of its own; the others are of its manual and of its source. */
const scan = `ARRAY /dev/md/first  level=raid1 metadata=1.2 num-devices=2 UUID=a4af353e:97923d13:378f38ac:78514edb name=any:first
   devices=/dev/vdb1,/dev/vda1
ARRAY /dev/md/rest  level=raid5 metadata=1.2 num-devices=3 UUID=fcf99f96:3edb46c3:84b3bd03:04fd3425 name=any:rest
   spares=1   devices=/dev/vda2,/dev/vdb2,/dev/vdc1
ARRAY metadata=imsm UUID=f1c4d4d1:2b8b9c4d:9a0e4b5c:1f0a3a2b
ARRAY /dev/md/Volume0 container=f1c4d4d1:2b8b9c4d:9a0e4b5c:1f0a3a2b member=0 UUID=0a0b0c0d:2b8b9c4d:9a0e4b5c:1f0a3a2b
ARRAY /dev/md126 level=raid10 num-devices=4 UUID=11111111:22222222:33333333:44444444
   devices=/dev/sda,/dev/sdb,/dev/sdc,/dev/sdd
`;

test('reads the arrays of the disks, and leaves those of controllers alone', () => {
  assert.deepEqual(parseScan(scan), [
    {
      ...{ name: 'first', uuid: 'a4af353e:97923d13:378f38ac:78514edb', level: '1', members_wanted: 2 },
      members: ['/dev/vda1', '/dev/vdb1'],
    },
    {
      ...{ name: 'rest', uuid: 'fcf99f96:3edb46c3:84b3bd03:04fd3425', level: '5', members_wanted: 3 },
      members: ['/dev/vda2', '/dev/vdb2', '/dev/vdc1'],
    },
    {
      ...{ name: 'md126', uuid: '11111111:22222222:33333333:44444444', level: '1+0', members_wanted: 4 },
      members: ['/dev/sda', '/dev/sdb', '/dev/sdc', '/dev/sdd'],
    },
  ]);
  assert.deepEqual(parseScan(''), []);
});
