import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { efiPartition, masterBootRecord, rootPartitionOffset } from './boot-sector.ts';
import { grubConfig, overlayFiles } from './contents.ts';

const folder = mkdtempSync(join(tmpdir(), 'ingot-mbr-'));
after(() => rmSync(folder, { recursive: true }));

test('sfdisk reads an EFI system partition and an active Linux partition that fills the disk', () => {
  const file = join(folder, 'disk');
  const size = 2 * 1024 ** 3;
  writeFileSync(file, masterBootRecord(Buffer.alloc(512, 0x90), size));
  truncateSync(file, size);
  const table = JSON.parse(execFileSync('sfdisk', ['--json', file], { encoding: 'utf8' })).partitiontable;
  assert.equal(table.label, 'dos');
  const [efi, root] = table.partitions;
  assert.deepEqual(efi, { node: `${file}1`, start: efiPartition.offset / 512, size: efiPartition.size / 512, type: 'ef' });
  const rest = { start: rootPartitionOffset / 512, size: (size - rootPartitionOffset) / 512 };
  assert.deepEqual(root, { node: `${file}2`, ...rest, type: '83', bootable: true });
});

test('the boot menu refers to the file system only by its UUID', () => {
  const config = grubConfig('1234-uuid');
  assert.match(config, /--set=root 1234-uuid\n/);
  assert.match(config, /linux \/vmlinuz root=UUID=1234-uuid ro .*console=ttyS0/);
});

test('cloud-init uses only config drives, and every overlay path is absolute', () => {
  const files = overlayFiles('cloud');
  assert.match(files['/etc/cloud/cloud.cfg.d/50_ingot.cfg'] ?? '', /datasource_list: \[ConfigDrive, None\]/);
  assert.ok(Object.keys(files).every((path) => path.startsWith('/')));
  assert.match(overlayFiles('full')['/etc/initramfs-tools/conf.d/ingot.conf'] ?? '', /MODULES=most/);
});
