/**
 * Findings from recordings of real BMCs, each as a minimal set of resources. readme.md, "Real BMCs", lists where they
 * were seen.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { JsonObject } from '#domain/json.ts';
import { collectionOf, startRedfishTree, type TreeReply } from '#test/a-redfish-tree.ts';
import { completeUpdate } from '#test/complete-update.ts';
import { faultOf } from '#test/fault-of.ts';
import { createRedfishBios } from './bios.ts';
import { createBootOverride } from './boot-override.ts';
import { createRedfishFirmware } from './firmware.ts';
import { createRedfishLog } from './log.ts';
import { createRedfishManagement } from './management.ts';
import { createRedfishMedia } from './media.ts';
import { createRedfishPower } from './power.ts';
import { createRedfishSensors } from './sensors.ts';

const link = (path: string) => ({ '@odata.id': path });
const [systemPath, chassisPath, managerPath] = ['/redfish/v1/Systems/1', '/redfish/v1/Chassis/1', '/redfish/v1/Managers/1'];
const links = { Links: { Chassis: [link(chassisPath)], ManagedBy: [link(managerPath)] } };
const pollTiming = { pollMs: 2, retryMs: 2, effectMs: 10_000 };
const resetOf = (path: string, more: JsonObject = {}) => ({
  Actions: { '#ComputerSystem.Reset': { target: `${path}/Actions/ComputerSystem.Reset`, ...more } },
});
const done: TreeReply = { status: 204 };

suite('several systems behind one BMC', () => {
  test('selects the one that can be reset, not the GPU baseboard', async (t) => {
    const server = '/redfish/v1/Systems/System_0';
    const tree = await startRedfishTree(t, {
      '/redfish/v1/Systems': collectionOf(['/redfish/v1/Systems/HGX_Baseboard_0', server]),
      '/redfish/v1/Systems/HGX_Baseboard_0': { PowerState: 'On', Actions: {} },
      [server]: { PowerState: 'Off', ...resetOf(server) },
    });
    const power = createRedfishPower(tree.withSystem, async () => undefined, pollTiming);
    assert.equal(await power.getPower(tree.node), 'power off');
  });

  /** A node card: systems without links, a manager that links them, chassis with the same names. */
  function aNodeCard(): Record<string, JsonObject> {
    const [nodes, managers] = [
      ['Node0', 'Node1'],
      ['BMC', 'MCU0'],
    ];
    const paths = (kind: string, names: readonly string[]) => names.map((name) => `/redfish/v1/${kind}/${name}`);
    const system = (name: string) => ({ '@odata.id': `/redfish/v1/Systems/${name}`, Id: name, BiosVersion: '1.6' });
    const entry = (id: string) => ({ '@odata.id': `/redfish/v1/UpdateService/FirmwareInventory/${id}`, Id: id, Version: '1.6' });
    return {
      '/redfish/v1/Systems': collectionOf(paths('Systems', nodes)),
      '/redfish/v1/Systems/Node0': system('Node0'),
      '/redfish/v1/Systems/Node1': system('Node1'),
      '/redfish/v1/Chassis': collectionOf(paths('Chassis', ['Enclosure', ...nodes])),
      '/redfish/v1/Chassis/Enclosure': { Id: 'Enclosure' },
      '/redfish/v1/Chassis/Node0': { Id: 'Node0', AssetTag: 'left' },
      '/redfish/v1/Chassis/Node1': { Id: 'Node1', AssetTag: 'right' },
      '/redfish/v1/Managers': collectionOf(paths('Managers', managers)),
      '/redfish/v1/Managers/MCU0': { Id: 'MCU0', FirmwareVersion: '9' },
      '/redfish/v1/Managers/BMC': {
        FirmwareVersion: '3',
        Links: { ManagerForServers: paths('Systems', nodes).map(link) },
      },
      '/redfish/v1/UpdateService': { FirmwareInventory: link('/redfish/v1/UpdateService/FirmwareInventory') },
      '/redfish/v1/UpdateService/FirmwareInventory': { Members: [entry('Node0.BIOS'), entry('Node1.BIOS')] },
    };
  }
  const second = { info: { redfish_system_id: '/redfish/v1/Systems/Node1' } };

  test('finds chassis and manager of a system without links by their links or its name', async (t) => {
    const { withSystem, node } = await startRedfishTree(t, aNodeCard(), second);
    const management = createRedfishManagement(withSystem);
    assert.equal((await management.identify?.(node))?.asset_tag, 'right');
    assert.equal((await management.bmcInfo?.(node))?.['firmware_version'], '3');
  });

  test('a BIOS update targets the entry of that system', async (t) => {
    const update = '/redfish/v1/UpdateService/Actions/UpdateService.SimpleUpdate';
    const { withSystem, node, resources, rules, changes } = await startRedfishTree(t, aNodeCard(), second);
    resources.set('/redfish/v1/UpdateService', {
      ...resources.get('/redfish/v1/UpdateService'),
      Actions: { '#UpdateService.SimpleUpdate': { target: update } },
    });
    rules.set(`POST ${update}`, () => done);
    await completeUpdate(createRedfishFirmware(withSystem), node, { component: 'bios', url: 'http://192.0.2.1/b.bin' });
    assert.deepEqual(changes[0]?.body['Targets'], ['/redfish/v1/UpdateService/FirmwareInventory/Node1.BIOS']);
  });
});

test('an update names no target if the service describes targets in prose', async (t) => {
  const update = '/redfish/v1/UpdateService/Actions/UpdateService.SimpleUpdate';
  const inventory = '/redfish/v1/UpdateService/FirmwareInventory';
  const { withSystem, node, rules, changes } = await startRedfishTree(t, {
    [systemPath]: { ...links, BiosVersion: '4.2' },
    '/redfish/v1/UpdateService': {
      FirmwareInventory: link(inventory),
      Actions: {
        '#UpdateService.SimpleUpdate': { target: update, 'Targets@Redfish.AllowableValues': ['Array of inventory URIs.'] },
      },
    },
    [inventory]: { Members: [{ '@odata.id': `${inventory}/BIOS`, Id: 'BIOS', Version: '4.2' }] },
  });
  rules.set(`POST ${update}`, () => done);
  await completeUpdate(createRedfishFirmware(withSystem), node, { component: 'bios', url: 'http://192.0.2.1/b.cap' });
  assert.equal(changes[0]?.body['Targets'], undefined);
});

suite('power', () => {
  test('a machine without a restart is switched off and on; its only off type shuts it down', async (t) => {
    const offered = { 'ResetType@Redfish.AllowableValues': ['On', 'ForceOff', 'Off'] };
    const tree = await startRedfishTree(t, { [systemPath]: { ...links, PowerState: 'On', ...resetOf(systemPath, offered) } });
    tree.rules.set(`POST ${systemPath}/Actions/ComputerSystem.Reset`, ({ body }) => {
      tree.resources.set(systemPath, {
        ...tree.resources.get(systemPath),
        PowerState: body['ResetType'] === 'On' ? 'On' : 'Off',
      });
      return done;
    });
    const power = createRedfishPower(tree.withSystem, async () => undefined, pollTiming);
    await power.setPower(tree.node, 'reset');
    await power.setPower(tree.node, 'soft power off');
    assert.deepEqual(
      tree.changes.map(({ body }) => body['ResetType']),
      ['ForceOff', 'On', 'Off'],
    );
  });

  test('a missing ActionInfo does not prevent power changes', async (t) => {
    const info = { '@Redfish.ActionInfo': `${systemPath}/ResetActionInfo` };
    const tree = await startRedfishTree(t, { [systemPath]: { ...links, PowerState: 'On', ...resetOf(systemPath, info) } });
    tree.rules.set(`POST ${systemPath}/Actions/ComputerSystem.Reset`, () => done);
    const power = createRedfishPower(tree.withSystem, async () => undefined, pollTiming);
    await power.setPower(tree.node, 'power off');
    assert.deepEqual(tree.changes[0]?.body, { ResetType: 'ForceOff' });
  });
});

suite('boot', () => {
  const settings = { '@Redfish.Settings': { SettingsObject: link(`${systemPath}/SD`) } };

  test('shows the device pending in the settings resource', async (t) => {
    const { withSystem, node } = await startRedfishTree(t, {
      [systemPath]: { ...links, ...settings, Boot: { BootSourceOverrideEnabled: 'Disabled', BootSourceOverrideTarget: 'None' } },
      [`${systemPath}/SD`]: { Boot: { BootSourceOverrideEnabled: 'Disabled', BootSourceOverrideTarget: 'None' } },
    });
    const boot = createBootOverride(withSystem, pollTiming);
    await boot.setBootDevice(node, 'pxe', { persistent: false });
    assert.deepEqual(await boot.getBootDevice(node), { device: 'pxe', persistent: false });
  });

  test('rejects an unknown boot mode before anything is sent', async (t) => {
    const { withSystem, node, changes } = await startRedfishTree(t, {
      [systemPath]: {
        ...links,
        Boot: { BootSourceOverrideMode: null, 'BootSourceOverrideMode@Redfish.AllowableValues': ['UEFI'] },
      },
    });
    const boot = createBootOverride(withSystem, pollTiming);
    assert.match((await faultOf(boot.setBootMode(node, 'bios'))).message, /supports only boot mode UEFI/);
    assert.equal(changes.length, 0);
    await boot.setBootMode(node, 'uefi');
    assert.deepEqual(changes[0]?.body, { Boot: { BootSourceOverrideMode: 'UEFI' } });
  });
});

suite('virtual media', () => {
  const base = `${managerPath}/VirtualMedia`;
  const slot = `${base}/CD1`;
  const insert = `${slot}/Actions/VirtualMedia.InsertMedia`;

  test('of AMI are found by name, enabled first, and empty if they contain "None"', async (t) => {
    const enable = `${managerPath}/Actions/Oem/AMIVirtualMedia.EnableRMedia`;
    const empty = {
      '@odata.id': slot,
      Id: 'CD1',
      Image: 'None',
      ImageName: 'None',
      Actions: { '#VirtualMedia.InsertMedia': { target: insert } },
    };
    const { withSystem, node, resources, rules, changes } = await startRedfishTree(t, {
      [systemPath]: links,
      [managerPath]: {
        VirtualMedia: link(base),
        Actions: { Oem: { '#AMIVirtualMedia.EnableRMedia': { target: enable } } },
        Oem: { Ami: { VirtualMedia: { RMediaStatus: 'Disabled' } } },
      },
      [base]: collectionOf([]),
      [slot]: empty,
    });
    rules.set(`POST ${enable}`, () => {
      resources.set(base, collectionOf([slot]));
      return done;
    });
    rules.set(`POST ${insert}`, ({ body }) => {
      resources.set(slot, { ...empty, Image: body['Image'] ?? null });
      return done;
    });
    const media = createRedfishMedia(withSystem, pollTiming);

    assert.deepEqual(await media.slots(node), []);
    await media.insert(node, 'cdrom', 'http://192.0.2.1/a.iso');

    assert.deepEqual(await media.slots(node), [{ device: 'cdrom', inserted: true, image: 'http://192.0.2.1/a.iso' }]);
    assert.deepEqual(
      changes.map(({ body }) => body),
      [{ RMediaState: 'Enable' }, { Image: 'http://192.0.2.1/a.iso' }],
    );
    resources.set(slot, empty);
    assert.deepEqual(await media.slots(node), [{ device: 'cdrom', inserted: false, image: null }]);
  });
});

suite('BIOS settings', () => {
  const biosPath = `${systemPath}/Bios`;
  const registry = (attributes: readonly JsonObject[]): Record<string, JsonObject> => ({
    '/redfish/v1/Registries': collectionOf(['/redfish/v1/Registries/BiosAttributeRegistry']),
    '/redfish/v1/Registries/BiosAttributeRegistry': {
      Id: 'BiosAttributeRegistry',
      Location: [{ Language: 'en', Uri: '/redfish/v1/Registries/Rules' }],
    },
    '/redfish/v1/Registries/Rules': { RegistryEntries: { Attributes: [...attributes] } },
  });
  const numbered = {
    AttributeName: 'HyperThreading_1',
    Type: 'Enumeration',
    CurrentValue: 'Enable',
    Value: [
      { ValueDisplayName: 'Disable', ValueName: '0' },
      { ValueDisplayName: 'Enable', ValueName: '1' },
    ],
  };

  test('are written with display values if the registry uses numbers', async (t) => {
    const { withSystem, node, changes } = await startRedfishTree(t, {
      ...registry([numbered]),
      [systemPath]: { ...links, Bios: link(biosPath) },
      [biosPath]: { AttributeRegistry: 'BiosAttributeRegistry.v1_0_0', Attributes: { HyperThreading_1: 'Enable' } },
    });
    const bios = createRedfishBios(withSystem);
    assert.deepEqual((await bios.readSettings(node))[0]?.allowable_values, ['Disable', 'Enable']);
    await bios.applySettings(node, { HyperThreading_1: 'Disable' });
    assert.deepEqual(changes[0]?.body, { Attributes: { HyperThreading_1: 'Disable' } });
  });

  test('have rules if the machine has a registry that nothing names', async (t) => {
    const boost = { AttributeName: 'Boost', Type: 'Enumeration', Value: [{ ValueName: 'Enabled' }, { ValueName: 'Disabled' }] };
    const { withSystem, node } = await startRedfishTree(t, {
      ...registry([boost]),
      [systemPath]: { ...links, Bios: link(biosPath) },
      [biosPath]: { Attributes: { Boost: 'Enabled' } },
    });
    const [setting] = await createRedfishBios(withSystem).readSettings(node);
    assert.deepEqual(setting?.allowable_values, ['Enabled', 'Disabled']);
  });

  test('of Gigabyte are written to a sibling resource that nothing links', async (t) => {
    const { withSystem, node, changes } = await startRedfishTree(t, {
      [systemPath]: { ...links, Manufacturer: 'GIGABYTE', Bios: link(biosPath) },
      [biosPath]: { Attributes: { Boost: 'Enabled' }, '@Redfish.Settings': { ETag: 'x' } },
      [`${biosPath}/SD`]: { Attributes: {} },
    });
    await createRedfishBios(withSystem).applySettings(node, { Boost: 'Disabled' });
    assert.deepEqual(
      changes.map(({ path }) => path),
      [`${biosPath}/SD`],
    );
  });

  test('are retried if the service rejects the ETag that it sent', async (t) => {
    const { withSystem, node, changes, rules } = await startRedfishTree(t, {
      [systemPath]: { ...links, Bios: link(biosPath) },
      [biosPath]: {
        '@odata.etag': 'W/"7"',
        Attributes: { Boost: 'Enabled' },
        '@Redfish.Settings': { SettingsObject: link(`${biosPath}/SD`) },
      },
      [`${biosPath}/SD`]: { '@odata.etag': 'W/"7"', Attributes: {} },
    });
    rules.set(`PATCH ${biosPath}/SD`, ({ headers }) => ({ status: headers['if-match'] === '*' ? 204 : 428 }));
    await createRedfishBios(withSystem).applySettings(node, { Boost: 'Disabled' });
    assert.equal(changes.at(-1)?.headers['if-match'], '*');
  });
});

suite('readings', () => {
  test('an RPM value is a fan, "N/A" is no reading, and an empty entry no sensor', async (t) => {
    const { withSystem, node } = await startRedfishTree(t, {
      [systemPath]: links,
      [chassisPath]: { Id: '1', Sensors: link(`${chassisPath}/Sensors`), Power: link(`${chassisPath}/Power`) },
      [`${chassisPath}/Sensors`]: {
        Members: [
          { '@odata.id': `${chassisPath}/Sensors/a`, Name: 'Fan 2A', ReadingType: 'AirFlow', ReadingUnits: 'RPM', Reading: 6608 },
        ],
      },
      [`${chassisPath}/Power`]: {
        Voltages: [{ Name: 'P12V', ReadingVolts: 'N/A', UpperThresholdNonCritical: 'N/A' }],
        PowerControl: [{ Name: 'Chassis Power Control', PowerLimit: { LimitInWatts: null } }],
      },
    });
    const sensors = await createRedfishSensors(withSystem).readSensors(node);
    assert.deepEqual(
      sensors.map(({ name, type, unit, value }) => [name, type, unit, value]),
      [
        ['Fan 2A', 'fan', 'rpm', 6608],
        ['P12V', 'voltage', 'V', null],
      ],
    );
  });

  test('ignores invalid times, and expands bare messages', async (t) => {
    const logs = `${systemPath}/LogServices`;
    const { withSystem, node } = await startRedfishTree(t, {
      [systemPath]: { ...links, LogServices: link(logs) },
      [logs]: collectionOf([`${logs}/SEL`]),
      [`${logs}/SEL`]: { Id: 'SEL', Entries: link(`${logs}/SEL/Entries`) },
      [`${logs}/SEL/Entries`]: {
        Members: [
          { Id: '1', Created: '2000-01-01T00:00:08Z', Message: '0x07FFFF', EntryCode: 'Assert' },
          { Id: '2', Created: '9999-12-31T23:59:59Z', Message: 'X.0.1', MessageId: 'X.0.1', EntryCode: 'Deassert' },
        ],
      },
    });
    const log = await createRedfishLog(withSystem).readLog(node);
    assert.deepEqual(
      log.map(({ at, message }) => [at, message]),
      [
        [null, '0x07FFFF Assert'],
        [null, 'X.0.1 Deassert'],
      ],
    );
  });

  test('ignores placeholder identities and addresses, and a missing chassis', async (t) => {
    const nics = `${managerPath}/EthernetInterfaces`;
    const nic = { Id: '1', MACAddress: 'A4-BF-01-28-90-AA', IPv4Addresses: [{ Address: '0.0.0.0' }, { Address: '192.0.2.7' }] };
    const { withSystem, node, resources } = await startRedfishTree(t, {
      [systemPath]: {
        ...links,
        Manufacturer: 'Example ',
        AssetTag: '....',
        PartNumber: 'To be filled by O.E.M.',
        SKU: 'S-1',
        IndicatorLED: 'Off',
      },
      [managerPath]: { EthernetInterfaces: link(nics) },
      [nics]: { Members: [{ ...nic, IPv6Addresses: [{ Address: '::' }, { Address: '::' }] }] },
    });
    resources.delete(chassisPath);
    const management = createRedfishManagement(withSystem);
    const { manufacturer, asset_tag, part_number } = (await management.identify?.(node)) ?? {};
    assert.deepEqual([manufacturer, asset_tag, part_number], ['Example', undefined, 'S-1']);
    assert.deepEqual((await management.bmcInfo?.(node))?.['interfaces'], [
      { name: '1', mac: 'a4:bf:01:28:90:aa', addresses: ['192.0.2.7'] },
    ]);
    assert.equal(await management.getIndicator?.(node), 'off');
  });
});
