import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { Value } from 'typebox/value';
import { Inventory } from '../agent-protocol/messages.ts';
import { readInventory } from './inventory.ts';

const root = mkdtempSync(join(tmpdir(), 'ingot-agent-'));
after(() => rmSync(root, { recursive: true }));

function lay(files: Record<string, string | Buffer>, root: string): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
}

/** A server with an NVMe, a SAS disk, a Smart Array volume, a USB stick, a CD drive and two NICs, one of them down. */
lay(
  {
    'proc/cpuinfo': 'processor\t: 0\nmodel name\t: Xeon Gold\nflags\t\t: fpu vmx\n\nprocessor\t: 1\nmodel name\t: Xeon Gold\n',
    'proc/meminfo': 'MemTotal:       16000000 kB\n',
    'sys/devices/system/memory/block_size_bytes': '8000000\n',
    'sys/devices/system/memory/memory0/online': '1',
    'sys/devices/system/memory/memory17/online': '1',
    'sys/block/nvme0n1/size': '1875385008',
    'sys/block/nvme0n1/device/model': 'ACME NVMe  ',
    'sys/block/nvme0n1/device/serial': 'N-1 ',
    'sys/block/nvme0n1/queue/rotational': '0',
    'sys/block/nvme0n1/queue/discard_max_bytes': '2199023255040',
    'sys/block/nvme0n1/queue/write_zeroes_max_bytes': '131072',
    'sys/block/sda/size': '3907029168',
    'sys/block/sda/device/model': 'SAS disk',
    'sys/block/sda/device/vpd_pg80': Buffer.from([0, 0x80, 0, 4, ...Buffer.from('S-80')]),
    'sys/block/sda/queue/rotational': '1',
    'sys/block/cciss!c0d0/size': '2048',
    'sys/block/cciss!c0d0/device/x': '',
    'sys/block/sdb/size': '4096',
    'sys/block/sdb/removable': '1',
    'sys/block/sdb/device/model': 'Stick',
    'sys/block/sdc/size': '0',
    'sys/block/sdc/device/model': 'Card reader without a card',
    'sys/block/sr0/size': '99',
    'sys/block/sr0/device/model': 'CD',
    'sys/block/loop0/size': '99',
    'sys/block/dm-0/size': '99',
    'sys/class/net/eno1/address': '52:54:00:AA:BB:CC\n',
    'sys/class/net/eno1/carrier': '1',
    'sys/class/net/eno1/speed': '10000',
    'sys/class/net/eno1/device/x': '',
    'sys/class/net/eno2/address': '52:54:00:aa:bb:cd',
    'sys/class/net/eno2/speed': '-1',
    'sys/class/net/eno2/device/x': '',
    'sys/class/net/ib0/address': '80:00:00:48:FE:80:00:00:00:00:00:00:7c:fe:90:03:00:29:26:52\n',
    'sys/class/net/ib0/device/vendor': '0x15b3\n',
    'sys/class/net/ib1/address': '80:00:00:02:fe:80:00:00:00:00:00:00:00:11:75:00:00:77:a1:b2',
    'sys/class/net/ib1/device/vendor': '0x1077',
    'sys/class/net/lo/address': '00:00:00:00:00:00',
    'sys/class/dmi/id/sys_vendor': 'ACME\n',
    'sys/class/dmi/id/product_uuid': 'ABCD\n',
    'sys/class/dmi/id/bios_version': '1.2',
    'sys/firmware/efi/x': '',
  },
  root,
);
symlinkSync('../../../bus/pci/drivers/ixgbe', join(root, 'sys/class/net/eno1/device/driver'));

test('disks: lists physical disks with their capabilities', () => {
  const { disks } = readInventory(root);
  assert.deepEqual(
    disks.map(({ device, serial, rotational, removable }) => [device, serial, rotational, removable]),
    [
      ['/dev/cciss/c0d0', '', false, false],
      ['/dev/nvme0n1', 'N-1', false, false],
      ['/dev/sda', 'S-80', true, false],
      ['/dev/sdb', '', false, true],
    ],
  );
  assert.deepEqual(disks[1], {
    device: '/dev/nvme0n1',
    size_bytes: 1875385008 * 512,
    model: 'ACME NVMe',
    serial: 'N-1',
    rotational: false,
    removable: false,
    discard_max_bytes: 2199023255040,
    write_zeroes_max_bytes: 131072,
  });
});

test('NICs: lists link state, driver and speed', () => {
  assert.deepEqual(readInventory(root).nics.slice(0, 2), [
    { name: 'eno1', mac: '52:54:00:aa:bb:cc', driver: 'ixgbe', link: true, speed_mbps: 10000, address: null },
    { name: 'eno2', mac: '52:54:00:aa:bb:cd', driver: '', link: false, speed_mbps: null, address: null },
  ]);
});

test('an InfiniBand port has its full address, and the MAC by which it is enrolled', () => {
  const rest = { driver: '', link: false, speed_mbps: null, address: null };
  const whole = '80:00:00:48:fe:80:00:00:00:00:00:00:7c:fe:90:03:00:29:26:52';
  const client_id = 'ff:00:00:00:00:00:02:00:00:02:c9:00:7c:fe:90:03:00:29:26:52';
  const other = '80:00:00:02:fe:80:00:00:00:00:00:00:00:11:75:00:00:77:a1:b2';

  assert.deepEqual(readInventory(root).nics.slice(2), [
    { name: 'ib0', mac: '7c:fe:90:29:26:52', infiniband_address: whole, client_id, ...rest },
    { name: 'ib1', mac: '00:11:75:77:a1:b2', infiniband_address: other, ...rest },
  ]);
});

test('reads CPUs, installed memory, system and firmware', () => {
  const { cpu, memory_bytes, system, firmware } = readInventory(root);
  assert.deepEqual([cpu.count, cpu.model, cpu.flags], [2, 'Xeon Gold', ['fpu', 'vmx']]);
  assert.equal(memory_bytes, 2 * 0x8000000);
  assert.deepEqual(system, { vendor: 'ACME', product: '', serial: '', uuid: 'abcd' });
  assert.deepEqual(firmware, { mode: 'uefi', version: '1.2' });
});

test('omits attributes that a device lacks', () => {
  const odd = mkdtempSync(join(tmpdir(), 'ingot-sys-'));
  lay(
    {
      'sys/block/sda/size': '2048',
      'sys/block/sda/device/model': 'SAS disk',
      'sys/block/sda/queue/discard_max_bytes': '99999999999999999999',
      'sys/block/sda/queue/write_zeroes_max_bytes': '-1',
      'sys/class/net/odd0/address': 'ab:'.repeat(32),
      'sys/class/net/odd0/speed': '99999999999999999999',
      'sys/class/net/odd0/device/x': '',
      'proc/cpuinfo': `processor\t: 0\nflags\t: fpu ${'x'.repeat(80)}\n`,
    },
    odd,
  );
  const inventory = readInventory(odd);
  rmSync(odd, { recursive: true });

  assert.ok(Value.Check(Inventory, inventory));
  assert.deepEqual([inventory.disks[0]?.discard_max_bytes, inventory.disks[0]?.write_zeroes_max_bytes], [0, 0]);
  assert.deepEqual([inventory.nics[0]?.speed_mbps, inventory.cpu.flags], [null, ['fpu']]);
});

test('describes this machine in the format of the protocol', () => {
  assert.ok(Value.Check(Inventory, readInventory('/')));
});
