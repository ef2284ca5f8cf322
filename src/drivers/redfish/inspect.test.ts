import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '#domain/json.ts';
import { collectionOf, startRedfishTree } from '#test/a-redfish-tree.ts';
import { createRedfishInspect } from './inspect.ts';

const link = (path: string) => ({ '@odata.id': path });
const systemPath = '/redfish/v1/Systems/1';
const below = (path: string) => `${systemPath}/${path}`;
const gibibyte = 2 ** 30;

const machine: Record<string, JsonObject> = {
  [systemPath]: {
    ...{
      Manufacturer: 'Acme',
      Model: 'A1',
      SerialNumber: 'S1',
      UUID: 'AAAAAAAA-0000-4000-8000-000000000001',
      BiosVersion: '2.1',
    },
    Boot: { BootSourceOverrideMode: 'UEFI' },
    MemorySummary: { TotalSystemMemoryGiB: 31.5 },
    ProcessorSummary: { Count: 2, Model: 'Summary' },
    Processors: link(below('Processors')),
    EthernetInterfaces: link(below('EthernetInterfaces')),
    Storage: link(below('Storage')),
    PCIeDevices: [link(below('PCIeDevices/1'))],
    Links: { Chassis: [link('/redfish/v1/Chassis/1')] },
  },
  [below('Processors')]: collectionOf([below('Processors/CPU1'), below('Processors/CPU2'), below('Processors/GPU1')]),
  [below('Processors/CPU1')]: {
    ...{ Id: 'CPU1', ProcessorType: 'CPU', InstructionSet: 'x86-64', Model: 'Xeon', TotalCores: 8, TotalThreads: 16 },
    MaxSpeedMHz: 3600,
  },
  [below('Processors/CPU2')]: { Id: 'CPU2', ProcessorType: 'CPU', Status: { State: 'Absent' }, TotalThreads: 16 },
  [below('Processors/GPU1')]: { Id: 'GPU1', ProcessorType: 'GPU', TotalThreads: 9000 },
  [below('EthernetInterfaces')]: collectionOf(['1', '2', '3', 'ToManager'].map((id) => below(`EthernetInterfaces/${id}`))),
  [below('EthernetInterfaces/1')]: {
    ...{ Id: '1', MACAddress: '52-54-00-00-00-0A', SpeedMbps: 25_000, LinkStatus: 'LinkUp' },
    IPv4Addresses: [{ Address: '0.0.0.0' }, { Address: '192.0.2.7' }],
    IPv6Addresses: [{ Address: 'FE80::1/64' }],
  },
  [below('EthernetInterfaces/2')]: { Id: '2', MACAddress: '00:00:00:00:00:00', PermanentMACAddress: '52:54:00:00:00:0b' },
  [below('EthernetInterfaces/3')]: { Id: '3', MACAddress: 'ff:ff:ff:ff:ff:ff' },
  [below('EthernetInterfaces/ToManager')]: { Id: 'ToManager', MACAddress: '52:54:00:00:00:0c' },
  [below('Storage')]: collectionOf([below('Storage/RAID'), below('Storage/NVMe')]),
  [below('Storage/RAID')]: {
    ...{
      Id: 'RAID',
      Name: 'RAID card',
      Drives: [link('/redfish/v1/Chassis/1/Drives/1')],
      Volumes: link(below('Storage/RAID/Volumes')),
    },
    StorageControllers: [{ MemberId: '0', Name: 'C0', SupportedRAIDTypes: ['RAID1'], SpeedGbps: 12, Status: { Health: 'OK' } }],
  },
  [below('Storage/RAID/Volumes')]: collectionOf([below('Storage/RAID/Volumes/1')]),
  [below('Storage/RAID/Volumes/1')]: { Id: '1', Name: 'Mirror', CapacityBytes: 100 * gibibyte, RAIDType: 'RAID1' },
  [below('Storage/NVMe')]: {
    Id: 'NVMe',
    Drives: [link('/redfish/v1/Chassis/1/Drives/2'), link('/redfish/v1/Chassis/1/Drives/1')],
  },
  '/redfish/v1/Chassis/1': { Id: '1', NetworkAdapters: link('/redfish/v1/Chassis/1/NetworkAdapters') },
  '/redfish/v1/Chassis/1/Drives/1': { Id: '1', Name: 'Bay 1', CapacityBytes: 200 * gibibyte, MediaType: 'HDD' },
  '/redfish/v1/Chassis/1/Drives/2': {
    ...{ Id: '2', Name: 'Bay 2', CapacityBytes: 400 * gibibyte, MediaType: 'SSD', Model: 'M', SerialNumber: 'Z2' },
    Identifiers: [{ DurableNameFormat: 'NAA', DurableName: '5000C500A0B1C2D3' }],
  },
  '/redfish/v1/Chassis/1/NetworkAdapters': collectionOf(['/redfish/v1/Chassis/1/NetworkAdapters/N1']),
  '/redfish/v1/Chassis/1/NetworkAdapters/N1': { Id: 'N1', Ports: link('/redfish/v1/Chassis/1/NetworkAdapters/N1/Ports') },
  '/redfish/v1/Chassis/1/NetworkAdapters/N1/Ports': collectionOf(['/redfish/v1/Chassis/1/NetworkAdapters/N1/Ports/1']),
  '/redfish/v1/Chassis/1/NetworkAdapters/N1/Ports/1': {
    Id: '1',
    Ethernet: { LLDPReceive: { ChassisId: '00:11:22:33:44:55', PortId: 'Eth1/7', ManagementVlanId: 4095 } },
  },
  [below('PCIeDevices/1')]: { Id: '1', PCIeFunctions: link(below('PCIeDevices/1/PCIeFunctions')) },
  [below('PCIeDevices/1/PCIeFunctions')]: collectionOf([below('PCIeDevices/1/PCIeFunctions/1')]),
  [below('PCIeDevices/1/PCIeFunctions/1')]: { Id: '1', DeviceClass: 'NetworkController', VendorId: '0x15b3', DeviceId: '0x1017' },
};

test('reports processors, memory, NICs, disks and devices of a machine', async (t) => {
  const { withSystem, node, changes } = await startRedfishTree(t, machine);

  const found = await createRedfishInspect(withSystem).readHardware?.(node);

  assert.deepEqual(found?.cpu, { count: 16, architecture: 'x86_64', model: 'Xeon', frequency_mhz: 3600 });
  assert.deepEqual([found?.memory_mb, found?.boot_mode], [32_256, 'uefi']);
  assert.deepEqual(found?.nics, [
    { name: '1', mac: '52:54:00:00:00:0a', speed_mbps: 25_000, link: true, ipv4: '192.0.2.7', ipv6: 'fe80::1' },
    { name: '2', mac: '52:54:00:00:00:0b' },
  ]);
  const second = { model: 'M', serial: 'Z2', wwn: '0x5000c500a0b1c2d3', rotational: false };
  const [bay1, bay2] = [
    { name: 'Bay 1', size_bytes: 200 * gibibyte, rotational: true },
    { name: 'Bay 2', size_bytes: 400 * gibibyte, ...second },
  ];
  assert.deepEqual(found?.drives, [bay1, bay2]);
  assert.deepEqual(found?.disks, [{ name: 'Mirror', size_bytes: 100 * gibibyte }, bay2]);
  assert.equal(found?.system.uuid, 'aaaaaaaa-0000-4000-8000-000000000001');
  assert.deepEqual(found?.pci_devices, [{ class: 'NetworkController', product_id: '0x1017', vendor_id: '0x15b3' }]);
  assert.deepEqual(found?.lldp, { '1': { switch_chassis_id: '00:11:22:33:44:55', switch_port_id: 'Eth1/7' } });
  assert.deepEqual(
    found?.storage_controllers.map(({ id }) => id),
    ['RAID', 'NVMe'],
  );
  assert.equal(changes.length, 0);
});

test('a machine of which its BMC knows nothing has no parts', async (t) => {
  const { withSystem, node } = await startRedfishTree(t, { [systemPath]: {} });

  const found = await createRedfishInspect(withSystem).readHardware?.(node);

  assert.deepEqual([found?.cpu, found?.memory_mb, found?.drives, found?.nics, found?.pci_devices], [{}, undefined, [], [], []]);
});

test('old services list their disks as simple storage', async (t) => {
  const { withSystem, node } = await startRedfishTree(t, {
    [systemPath]: { SimpleStorage: link(below('SimpleStorage')) },
    [below('SimpleStorage')]: collectionOf([below('SimpleStorage/1')]),
    [below('SimpleStorage/1')]: {
      Id: '1',
      Devices: [
        { Name: 'SATA 0', CapacityBytes: 80 * gibibyte },
        { Name: 'empty', Status: { State: 'Absent' } },
      ],
    },
  });

  const found = await createRedfishInspect(withSystem).readHardware?.(node);

  assert.deepEqual(found?.drives, [{ name: 'SATA 0', size_bytes: 80 * gibibyte }]);
  assert.deepEqual(found?.disks, found?.drives);
});

test('hostile values are dropped or cut, and the number of parts is bounded', async (t) => {
  const ids = Array.from({ length: 600 }, (_, index) => `${index}`);
  const mac = (index: number) =>
    `52:54:00:00:${(index >> 8).toString(16).padStart(2, '0')}:${(index & 255).toString(16).padStart(2, '0')}`;
  const { withSystem, node } = await startRedfishTree(t, {
    [systemPath]: {
      ...{ Manufacturer: 'x'.repeat(100_000), Model: { toString: 'x' }, SerialNumber: ['1'] },
      MemorySummary: { TotalSystemMemoryGiB: -4 },
      Processors: link(below('Processors')),
      EthernetInterfaces: link(below('EthernetInterfaces')),
      Storage: { '@odata.id': 'http://other.invalid/redfish/v1/Storage' },
    },
    [below('Processors')]: { Members: [{ Id: '1', InstructionSet: 'constructor', TotalThreads: '1e400', MaxSpeedMHz: 'NaN' }] },
    [below('EthernetInterfaces')]: { Members: ids.map((Id, index) => ({ Id, MACAddress: mac(index) })) },
    '/redfish/v1/Storage': { Members: [{ Id: 'a', Drives: [{ '@odata.id': 7 }, link('/redfish/v1/none')], Volumes: 'x' }] },
  });

  const found = await createRedfishInspect(withSystem).readHardware?.(node);

  assert.deepEqual([found?.cpu, found?.memory_mb, found?.drives], [{}, undefined, []]);
  assert.deepEqual(found?.system, { manufacturer: 'x'.repeat(256) });
  assert.equal(found?.nics.length, 256);
});
