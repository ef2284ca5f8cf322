import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { test } from 'node:test';
import { readIdentity } from './disk-identity.ts';

/** Layout of `/sys`: `block/NAME` is a link into the device tree, `device` points one level up. */
function layDisk(path: string, files: Record<string, string>): ReturnType<typeof readIdentity> {
  const root = mkdtempSync(join(tmpdir(), 'ingot-disk-'));
  try {
    const folder = join(root, 'sys/devices', path);
    mkdirSync(folder, { recursive: true });
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), content);
    }
    const name = path.split('/').at(-1) ?? '';
    mkdirSync(join(root, 'sys/block'), { recursive: true });
    symlinkSync(relative(join(root, 'sys/block'), folder), join(root, 'sys/block', name));
    return readIdentity(root, name);
  } finally {
    rmSync(root, { recursive: true });
  }
}

/** The device of a SCSI disk is two levels up, and the name of its link is the address. */
function layScsi(path: string, address: string, wwid: string) {
  const root = mkdtempSync(join(tmpdir(), 'ingot-disk-'));
  try {
    const device = join(root, 'sys/devices', path, address);
    const block = join(device, 'block/sda');
    mkdirSync(block, { recursive: true });
    symlinkSync(`../../../${address}`, join(block, 'device'));
    writeFileSync(join(device, 'wwid'), `${wwid}\n`);
    writeFileSync(join(device, 'vendor'), 'ATA     \n');
    mkdirSync(join(root, 'sys/block'), { recursive: true });
    symlinkSync(relative(join(root, 'sys/block'), block), join(root, 'sys/block/sda'));
    return readIdentity(root, 'sda');
  } finally {
    rmSync(root, { recursive: true });
  }
}

test('identifies an NVMe disk by its namespace', () => {
  const path = 'pci0000:00/0000:00:01.0/0000:01:00.0/nvme/nvme0/nvme0n1';
  assert.deepEqual(layDisk(path, { wwid: 'eui.0025385a91b0c1d2\n' }), {
    wwn: 'eui.0025385a91b0c1d2',
    wwn_with_extension: 'eui.0025385a91b0c1d2',
    by_path: '/dev/disk/by-path/pci-0000:01:00.0-nvme-1',
    tran: 'nvme',
  });
});

test('omits the vendor of a virtio disk, which is a number', () => {
  const path = 'pci0000:00/0000:00:04.0/virtio1/block/vda';
  assert.deepEqual(layDisk(path, { 'device/vendor': '0x1af4\n' }), {
    by_path: '/dev/disk/by-path/pci-0000:00:04.0',
    tran: 'virtio',
  });
});

test('identifies a SATA disk by address and WWN, and omits a by-path name that udev could choose differently', () => {
  const found = layScsi('pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0', '0:0:0:0', 'naa.5000c500a0b1c2d3');
  assert.deepEqual(found, {
    vendor: 'ATA',
    wwn: '0x5000c500a0b1c2d3',
    wwn_with_extension: '0x5000c500a0b1c2d3',
    hctl: '0:0:0:0',
    tran: 'sata',
  });
});

test('splits the name of a RAID volume as udev does', () => {
  const found = layScsi('pci0000:00/0000:03:00.0/host2/target2:1:0', '2:1:0:0', 'naa.600508b1001c79ade5178f0626caaa9c');
  assert.deepEqual(found, {
    vendor: 'ATA',
    wwn: '0x600508b1001c79ad',
    wwn_vendor_extension: '0xe5178f0626caaa9c',
    wwn_with_extension: '0x600508b1001c79ade5178f0626caaa9c',
    hctl: '2:1:0:0',
  });
});

test('omits invalid names', () => {
  assert.deepEqual(layDisk('pci0000:00/0000:00:04.0/virtio1/block/vdb', { wwid: 't10.ATA     QEMU HARDDISK' }), {
    by_path: '/dev/disk/by-path/pci-0000:00:04.0',
    tran: 'virtio',
  });
  assert.deepEqual(layDisk('platform/x/block/mmcblk0', {}), {});
});
