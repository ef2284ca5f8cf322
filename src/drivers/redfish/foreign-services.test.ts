import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import { Fault } from '#domain/faults.ts';
import type { JsonObject } from '#domain/json.ts';
import {
  startMockupServer,
  startSushyEmulator,
  sushySystems,
  withoutMockupServer,
  withoutSushyTools,
} from '#test/a-foreign-redfish.ts';
import { completeUpdate } from '#test/complete-update.ts';
import type { NodeFacts } from '../interfaces.ts';
import { createRedfishDriver } from './index.ts';

function aNode(driver_info: JsonObject): NodeFacts {
  const uuid = '5f1f7c2e-0c7e-4b7e-9a4e-2f7f5b1d0001';
  return { id: 1, uuid, name: 'n1', driver: 'redfish', driver_info, properties: {}, extra: {}, power_state: null, ports: [] };
}

function aDriver(t: TestContext) {
  const driver = createRedfishDriver({ limits: { taskPauseMs: 100 }, rawPaths: 'read' });
  t.after(() => driver.close());
  return driver;
}

suite("sushy-tools' emulator", { skip: withoutSushyTools }, () => {
  async function setUp(t: TestContext) {
    const url = await startSushyEmulator(t);
    return { ...aDriver(t), node: aNode({ redfish_address: url, redfish_system_id: `/redfish/v1/Systems/${sushySystems[0]}` }) };
  }

  test('reads, validates, writes and resets BIOS settings', async (t) => {
    const { bios, node } = await setUp(t);
    const read = async (name: string) => (await bios.readSettings(node)).find((setting) => setting.name === name);
    const turbo = {
      name: 'ProcTurboMode',
      value: 'Enabled',
      type: 'Enumeration',
      allowable_values: ['Enabled', 'Disabled'],
      read_only: false,
    };
    assert.deepEqual(await read('ProcTurboMode'), turbo);

    await bios.applySettings(node, { ProcTurboMode: 'Disabled', BootMode: 'Bios' });
    assert.equal((await read('ProcTurboMode'))?.value, 'Disabled');
    await assert.rejects(
      bios.applySettings(node, { ProcTurboMode: 'Sometimes', BootMod: 'Bios', NumCores: 'x' }),
      (error) => error instanceof Fault && error.code === 'badRequest' && /must be one of Enabled, Disabled/.test(error.message),
    );
    await bios.factoryReset(node);

    assert.deepEqual(await read('ProcTurboMode'), turbo);
  });

  test('switches secure boot', async (t) => {
    const { management, node } = await setUp(t);
    assert.equal(await management.getSecureBoot?.(node), false);
    await management.setSecureBoot?.(node, true);
    assert.equal(await management.getSecureBoot?.(node), true);
  });

  test('updates the BIOS to another version', async (t) => {
    const { firmware, node } = await setUp(t);
    const version = async () => (await firmware.readComponents(node)).find(({ component }) => component === 'bios');
    assert.deepEqual(await version(), { component: 'bios', version: '1.0.0', updateable: true });

    await completeUpdate(firmware, node, { component: 'bios', url: 'http://192.0.2.1/bios.bin' });
    assert.equal((await version())?.version, '1.1.0');

    const fault = await completeUpdate(firmware, node, { url: 'http://192.0.2.1/bios.bin' }).catch((error: unknown) => error);
    assert.ok(fault instanceof Fault && /Missing ImageURI and\/or Targets/.test(fault.message), String(fault));
  });

  test('reads the sensors of the chassis', async (t) => {
    const { management, node } = await setUp(t);
    const sensors = (await management.readSensors?.(node)) ?? [];
    const cpu = sensors.find(({ name }) => name.startsWith('CPU Temp'));
    assert.deepEqual(
      [cpu?.value, cpu?.status, cpu?.thresholds],
      [41, 'ok', { 'upper non-critical': 42, 'upper critical': 45, 'upper non-recoverable': 48 }],
    );
    assert.ok(sensors.some(({ type, unit }) => type === 'fan' && unit === 'rpm'));
  });
});

suite("DMTF's mockup server", { skip: withoutMockupServer }, () => {
  async function setUp(t: TestContext) {
    return { ...aDriver(t), node: aNode({ redfish_address: await startMockupServer(t) }) };
  }

  test('reads the sensors of the collection once', async (t) => {
    const { management, node } = await setUp(t);
    const sensors = (await management.readSensors?.(node)) ?? [];
    const names = sensors.map(({ name }) => name);
    assert.equal(new Set(names).size, names.length);
    // 41 in the collection, minus 11 of an absent power supply, plus the power supply that is present.
    assert.equal(names.length, 31);
    const cpu = sensors.find(({ name }) => name === 'CPU #1 Temperature');
    assert.deepEqual([cpu?.type, cpu?.value, cpu?.unit, cpu?.status], ['temperature', 37, '°C', 'ok']);
    assert.deepEqual(cpu?.thresholds, { 'upper non-critical': 42, 'upper critical': 45, 'upper non-recoverable': 50 });
    assert.equal(sensors.find(({ name }) => name === 'CPU #1 Fan Speed')?.type, 'fan');
  });

  test('reads firmware and logs, and switches secure boot', async (t) => {
    const { firmware, management, vendor, node } = await setUp(t);

    const components = Object.fromEntries(
      (await firmware.readComponents(node)).map(({ component, version }) => [component, version]),
    );
    assert.deepEqual(components, {
      bios: 'P79 v1.45 (12/06/2017)',
      bmc: '1.45.455b66-rev4',
      BMC: '1.45.455b66-rev4',
      BIOS: 'P79 v1.45',
      SS: '2.50',
    });
    const log = (await management.readLog?.(node)) ?? [];
    assert.ok(log.length >= 2 && log.every(({ message, at }) => message !== '' && at !== null), JSON.stringify(log));
    await management.setSecureBoot?.(node, true);
    assert.equal(await management.getSecureBoot?.(node), true);
    const subscriptions = await vendor.methods['get_all_subscriptions']?.run(node, {});
    assert.ok(Array.isArray(subscriptions) && subscriptions.length >= 3);
  });

  test('changes the password of the account in use', async (t) => {
    const { management, vendor, node } = await setUp(t);
    const info = { redfish_username: 'Administrator', redfish_password: 'alt-geheim', redfish_auth_type: 'basic' };
    const own = { ...node, driver_info: { ...node.driver_info, ...info } };
    await assert.rejects(management.changePassword?.(own, 'kurz') ?? Promise.resolve(), /at least 8 characters/);

    await management.changePassword?.(own, 'neu-geheim-1');

    const path = '/redfish/v1/AccountService/Accounts/1';
    const account = (await vendor.methods['get']?.run(node, { path })) as JsonObject;
    assert.deepEqual([account['UserName'], account['Password']], ['Administrator', '***']);
  });
});
