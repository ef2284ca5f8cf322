import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Fault } from '#domain/faults.ts';
import type { JsonObject } from '#domain/json.ts';
import { collectionOf, startRedfishTree } from '#test/a-redfish-tree.ts';
import { createRedfishManagement } from './management.ts';

const [systemPath, chassisPath, managerPath] = ['/redfish/v1/Systems/1', '/redfish/v1/Chassis/1', '/redfish/v1/Managers/1'];
const resource = (path: string, fields: JsonObject) => ({ [path]: { '@odata.id': path, ...fields } });
const reset = (path: string, name: string, offered: string[]) => ({
  Actions: { [`#${name}`]: { target: `${path}/Actions/${name}`, 'ResetType@Redfish.AllowableValues': offered } },
});
const links = {
  Links: { Chassis: [{ '@odata.id': chassisPath }], ManagedBy: [{ '@odata.id': managerPath }] },
};

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'none',
    (error: unknown) => (error instanceof Fault ? error.code : String(error)),
  );
}

suite('the indicator', () => {
  test('is LocationIndicatorActive, which knows on and off', async (t) => {
    const tree = await startRedfishTree(
      t,
      resource(systemPath, { ...links, LocationIndicatorActive: false, IndicatorLED: 'Off' }),
    );
    const { getIndicator, setIndicator } = createRedfishManagement(tree.withSystem);
    assert.equal(await getIndicator?.(tree.node), 'off');
    await setIndicator?.(tree.node, 'blinking');
    assert.equal(await getIndicator?.(tree.node), 'on');
    assert.deepEqual(
      tree.changes.map(({ body }) => body),
      [{ LocationIndicatorActive: true }],
    );
  });

  test('is IndicatorLED of the chassis where the system has none', async (t) => {
    const tree = await startRedfishTree(t, { ...resource(systemPath, links), ...resource(chassisPath, { IndicatorLED: 'Lit' }) });
    const { getIndicator, setIndicator } = createRedfishManagement(tree.withSystem);
    assert.equal(await getIndicator?.(tree.node), 'on');
    await setIndicator?.(tree.node, 'blinking');
    assert.equal(await getIndicator?.(tree.node), 'blinking');
    assert.equal(tree.changes[0]?.path, chassisPath);
  });

  test('is unsupported by some hardware', async (t) => {
    const tree = await startRedfishTree(t, {});
    const { getIndicator } = createRedfishManagement(tree.withSystem);
    assert.equal(await codeOf(getIndicator?.(tree.node) ?? Promise.resolve()), 'unsupportedByHardware');
  });
});

suite('an NMI', () => {
  for (const [offered, code] of [
    [['On', 'Nmi'], 'none'],
    [['On'], 'unsupportedByHardware'],
  ] as const) {
    test(`with ${offered.join(', ')} offered: ${code}`, async (t) => {
      const tree = await startRedfishTree(
        t,
        resource(systemPath, { ...links, ...reset(systemPath, 'ComputerSystem.Reset', [...offered]) }),
      );
      tree.rules.set(`POST ${systemPath}/Actions/ComputerSystem.Reset`, () => ({ status: 204 }));
      const { injectNmi } = createRedfishManagement(tree.withSystem);
      assert.equal(await codeOf(injectNmi?.(tree.node) ?? Promise.resolve()), code);
      assert.deepEqual(
        tree.changes.map(({ body }) => body),
        code === 'none' ? [{ ResetType: 'Nmi' }] : [],
      );
    });
  }
});

test('identifies the machine by its system and its chassis', async (t) => {
  const system = {
    Manufacturer: 'Example',
    Model: '',
    SerialNumber: ' S1 ',
    UUID: 'u-1',
    SKU: 'K',
    MemorySummary: { TotalSystemMemoryGiB: 64 },
  };
  const tree = await startRedfishTree(t, {
    ...resource(systemPath, { ...links, ...system }),
    ...resource(chassisPath, { Model: 'M1', SerialNumber: 'C1', PartNumber: 'P1', AssetTag: 'tag', Id: '1' }),
  });
  const { identify } = createRedfishManagement(tree.withSystem);
  assert.deepEqual(await identify?.(tree.node), {
    manufacturer: 'Example',
    product: 'M1',
    serial: 'S1',
    part_number: 'P1',
    asset_tag: 'tag',
    details: {
      uuid: 'u-1',
      sku: 'K',
      memory_gib: 64,
      chassis: [{ Id: '1', Model: 'M1', SerialNumber: 'C1', PartNumber: 'P1', AssetTag: 'tag' }],
    },
  });
});

test('reads the identity of the BMC', async (t) => {
  const nics = `${managerPath}/EthernetInterfaces`;
  const nic = {
    Id: 'eth0',
    MACAddress: 'AA:BB:CC:00:11:22',
    IPv4Addresses: [{ Address: '10.0.0.2' }],
    IPv6Addresses: [{ Address: 'fe80::1' }],
  };
  const tree = await startRedfishTree(t, {
    ...resource(systemPath, links),
    ...resource(managerPath, { FirmwareVersion: '7.10', Model: 'X', EthernetInterfaces: { '@odata.id': nics } }),
    [nics]: collectionOf([`${nics}/1`]),
    ...resource(`${nics}/1`, nic),
  });
  const { bmcInfo } = createRedfishManagement(tree.withSystem);
  assert.deepEqual(await bmcInfo?.(tree.node), {
    model: 'X',
    firmware_version: '7.10',
    interfaces: [{ name: 'eth0', mac: 'aa:bb:cc:00:11:22', addresses: ['10.0.0.2', 'fe80::1'] }],
  });
});

suite('restarts the BMC', () => {
  for (const [kind, offered, sent] of [
    ['warm', ['ForceRestart', 'GracefulRestart'], 'GracefulRestart'],
    ['cold', ['ForceRestart', 'GracefulRestart'], 'ForceRestart'],
    ['warm', ['ForceRestart'], 'ForceRestart'],
  ] as const) {
    test(`${kind} by ${sent}`, async (t) => {
      const tree = await startRedfishTree(t, {
        ...resource(systemPath, links),
        ...resource(managerPath, reset(managerPath, 'Manager.Reset', [...offered])),
      });
      tree.rules.set(`POST ${managerPath}/Actions/Manager.Reset`, () => ({ status: 204 }));
      await createRedfishManagement(tree.withSystem).resetBmc?.(tree.node, kind);
      assert.deepEqual(
        tree.changes.map(({ body }) => body),
        [{ ResetType: sent }],
      );
    });
  }
});
