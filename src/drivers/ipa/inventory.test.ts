import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Value } from 'typebox/value';
import { Inventory } from '#agent-protocol/messages.ts';
import type { JsonObject } from '#domain/json.ts';
import { ipaDisk, ipaHardware } from '#test/an-ipa.ts';
import { readInventory } from './inventory.ts';

const read = (changes: JsonObject) => readInventory(ipaHardware(changes));

test('reads hardware as IPA reports it', () => {
  const inventory = read({})!;
  assert.ok(Value.Check(Inventory, inventory));
  assert.deepEqual(inventory.cpu, { count: 2, model: 'QEMU', architecture: 'x86_64', flags: ['fpu'] });
  assert.equal(inventory.memory_bytes, 2 ** 31);
  const [disk] = inventory.disks;
  assert.deepEqual([disk?.device, disk?.size_bytes, disk?.serial, disk?.tran], ['/dev/vda', ipaDisk.size, 'D1', 'virtio']);
  assert.ok(!('wwn' in (disk ?? {})));
  assert.equal(inventory.firmware.mode, 'bios');
});

test('reads what hardware managers leave out, and shortens what firmware says at length', () => {
  const inventory = read({
    memory: { total: 5_000_000, physical_mb: null },
    system_vendor: { product_name: 'x'.repeat(1000), serial_number: 12, manufacturer: null },
    boot: { current_boot_mode: 'uefi', pxe_interface: null },
    interfaces: [{ name: 'ib0', mac_address: 'a0:00:00:27:fe:80:00:00:00:00:00:00:7c:fe:90:03:00:29:26:52', ipv4_address: null }],
    disks: [{ ...ipaDisk, model: 'A\u001b[2J\nB', rotational: null, vendor: null, logical_sectors: 512, more: { toString: 1 } }],
  })!;
  assert.ok(Value.Check(Inventory, inventory));
  assert.deepEqual(
    [inventory.memory_bytes, inventory.system.product.length, inventory.system.serial, inventory.firmware.mode],
    [5_000_000, 256, '12', 'uefi'],
  );
  assert.equal(inventory.nics[0]?.mac, '7c:fe:90:29:26:52');
  assert.equal(inventory.disks[0]?.model, 'A [2J B');
  assert.ok(!('logical_sectors' in inventory.disks[0]! || 'more' in inventory.disks[0]!));
});

test('refuses reports that do not say what machine it is', () => {
  for (const report of [null, [], 'text', {}, { ...ipaHardware(), disks: {} }, { ...ipaHardware(), cpu: null }])
    assert.equal(readInventory(report), undefined);
  for (const name of ['vda', '/dev/../etc/passwd', '/dev/vda\nx', `/dev/${'x'.repeat(100)}`])
    assert.equal(read({ disks: [{ ...ipaDisk, name }] }), undefined, name);
  assert.equal(read({ disks: Array.from({ length: 257 }, () => ipaDisk) }), undefined);
  assert.equal(read({ disks: [{ ...ipaDisk, size: -1 }] }), undefined);
});
