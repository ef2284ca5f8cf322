import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { Fault } from '#domain/faults.ts';
import type { JsonObject } from '#domain/json.ts';
import type { LogicalDisk } from '#domain/raid.ts';
import type { BmcProfileChanges } from '#lab/bmc/bmc-profile.ts';
import { createBmcModel } from '#lab/bmc/create-bmc-model.ts';
import { createMemoryChassis } from '#lab/bmc/memory-chassis.ts';
import { startRedfishService } from '#lab/bmc/redfish/redfish-service.ts';
import { loadBmcProfiles } from '#lab/bmc-profile-files.ts';
import { completeUpdate } from '#test/complete-update.ts';
import type { NodeFacts, RaidProgress } from '../interfaces.ts';
import { createRedfishDriver } from './index.ts';

/** The driver and the lab's virtual BMC; `bmcModel` is the state behind it. */
async function setUp(t: TestContext, profile: BmcProfileChanges = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'ingot-redfish-'));
  const chassis = createMemoryChassis('on');
  const now = Date.UTC(2026, 5, 1);
  const bmcModel = createBmcModel({
    chassis,
    users: [{ name: 'admin', password: 'alt-geheim', privilege: 'administrator' }],
    now: () => now,
  });
  const service = await startRedfishService({
    address: '127.0.0.1',
    port: 0,
    bmcModel,
    mediaFolder: folder,
    profile,
  });
  const driver = createRedfishDriver({
    limits: { taskPauseMs: 20, fullPauseMs: 50 },
    firmwareTimes: { taskMs: 5_000, pauseMs: 20 },
    raidTimes: { pauseMs: 20 },
  });
  t.after(async () => {
    await driver.close();
    await service.close();
    rmSync(folder, { recursive: true });
  });
  const info = { redfish_address: service.url, redfish_username: 'admin', redfish_password: 'alt-geheim' };
  return { bmcModel, service, driver, folder, node: (changes: JsonObject = {}) => aNode({ ...info, ...changes }) };
}

function aNode(driver_info: JsonObject): NodeFacts {
  const uuid = '5f1f7c2e-0c7e-4b7e-9a4e-2f7f5b1d0001';
  return { id: 1, uuid, name: 'n1', driver: 'redfish', driver_info, properties: {}, extra: {}, power_state: null, ports: [] };
}

async function faultOf(promise: Promise<unknown> | undefined): Promise<Fault> {
  const error = await promise?.then(
    () => undefined,
    (error: unknown) => error,
  );
  assert.ok(error instanceof Fault, `a fault, not ${error}`);
  assert.doesNotMatch(JSON.stringify([error.message, error.detail, error.fields]), /geheim/);
  return error;
}

async function serveFile(t: TestContext, content: string): Promise<string> {
  const server = createServer((_, reply) => reply.end(content));
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', resolve);
  await promise;
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('applies BIOS settings at the next boot', async (t) => {
  const { bmcModel, driver, node } = await setUp(t, { redfish: { biosSettings: 'Pending', ifMatch: 'required' } });
  bmcModel.bios.set('ProcTurboMode', 'Enabled');
  const read = async () => (await driver.bios.readSettings(node())).find(({ name }) => name === 'ProcTurboMode');

  await driver.bios.applySettings(node(), { ProcTurboMode: 'Disabled' });
  const waiting = await read();
  await bmcModel.chassis.powerOff();
  await bmcModel.chassis.powerOn();

  assert.deepEqual([waiting?.value, waiting?.pending, waiting?.reset_required], ['Enabled', 'Disabled', true]);
  assert.deepEqual([(await read())?.value, (await read())?.pending], ['Disabled', undefined]);
  const fault = await faultOf(driver.bios.applySettings(node(), { ProcTurboMod: 'Enabled' }));
  assert.match(fault.message, /did you mean ProcTurboMode/);
  await driver.bios.factoryReset(node());
  assert.equal((await read())?.pending, 'Enabled');
});

const omissions: Record<string, Record<string, string[]>> = { new: {}, old: { chassis: ['Sensors', 'ThermalSubsystem'] } };
for (const [shape, omit] of Object.entries(omissions)) {
  test(`reads the sensors of the model from the ${shape} resources`, async (t) => {
    const { bmcModel, driver, node } = await setUp(t, { redfish: { omit } });
    const read = async () => new Map((await driver.management.readSensors?.(node()))?.map((sensor) => [sensor.name, sensor]));

    const running = await read();
    await bmcModel.chassis.powerOff();
    const off = await read();

    for (const sensor of bmcModel.sensors) {
      if (sensor.kind !== 'analog' || (shape === 'old' && sensor.type === 'power')) continue;
      const seen = running.get(sensor.name);
      assert.deepEqual([seen?.type, seen?.unit, seen?.status], [sensor.type, sensor.unit, 'ok'], sensor.name);
      assert.equal(Object.keys(seen?.thresholds ?? {}).length, Object.keys(sensor.thresholds).length, sensor.name);
      assert.equal(off.get(sensor.name)?.value === null, sensor.read() === null, sensor.name);
    }
    assert.ok([...running.values()].some(({ value }) => value !== null && value > 0));
  });
}

test('reads the log, oldest first, and clears it', async (t) => {
  const { bmcModel, driver, node } = await setUp(t);
  bmcModel.clearLog();
  const event = { typeCode: 1, offset: 9, asserted: true };
  bmcModel.record({ sensor: 'CPU1 Temp', message: 'upper critical going high', severity: 'critical', event });
  bmcModel.record({ sensor: 'Fan 2', message: 'lower non-critical going low', severity: 'warning', event });

  const entries = (await driver.management.readLog?.(node())) ?? [];
  const reported = entries.slice(-2).map(({ severity, message, at }) => [severity, message.includes('going'), at]);
  assert.deepEqual(reported, [
    ['critical', true, '2026-06-01T00:00:00.000Z'],
    ['warning', true, '2026-06-01T00:00:00.000Z'],
  ]);

  await driver.management.clearLog?.(node());
  assert.equal(
    ((await driver.management.readLog?.(node())) ?? []).some(({ message }) => message.includes('going')),
    false,
  );
});

test('switches secure boot and resets its keys', async (t) => {
  const { driver, node } = await setUp(t);
  const before = await driver.management.getSecureBoot?.(node());
  await driver.management.setSecureBoot?.(node(), !before);
  assert.equal(await driver.management.getSecureBoot?.(node()), !before);
  await driver.vendor.methods['secure_boot_reset_keys']?.run(node(), {});
});

test("updates firmware by URL and upload, and reports a bad file with the BMC's message", async (t) => {
  const { driver, node, folder } = await setUp(t, { redfish: { taskMs: 50 } });
  const version = async (name: string) =>
    (await driver.firmware.readComponents(node())).find(({ component }) => component === name)?.version;
  const url = await serveFile(t, 'firmware');
  const file = join(folder, 'bmc-9.8.7.bin');
  writeFileSync(file, 'firmware');

  await completeUpdate(driver.firmware, node(), { component: 'bios', url: `${url}/bios-2.5.0.bin` });
  await completeUpdate(driver.firmware, node(), { component: 'bmc', path: file });

  assert.deepEqual([await version('BIOS'), await version('BMC')], ['2.5.0', '9.8.7']);
  const fault = await faultOf(completeUpdate(driver.firmware, node(), { component: 'bios', url: `${url}/broken.bin` }));
  assert.match(fault.message, /no firmware for this machine/);
});

test('uses the plain upload without a multipart one', async (t) => {
  const omit = { updateService: ['MultipartHttpPushUri'] };
  const { driver, node, folder } = await setUp(t, { redfish: { taskMs: 50, omit } });
  const file = join(folder, 'bios.bin');
  writeFileSync(file, 'firmware');
  const before = (await driver.firmware.readComponents(node())).find(({ component }) => component === 'BIOS')?.version;

  await completeUpdate(driver.firmware, node(), { path: file });

  assert.notEqual((await driver.firmware.readComponents(node())).find(({ component }) => component === 'BIOS')?.version, before);
});

test('rotates the password and uses the new one', async (t) => {
  const { bmcModel, driver, node, service } = await setUp(t);
  assert.match(
    (await faultOf(driver.management.changePassword?.(node(), 'x-geheim'.slice(0, 5)))).message,
    /at least 8 characters/,
  );

  await driver.management.changePassword?.(node(), 'neu-geheim-1');

  assert.equal(bmcModel.users[0]?.password, 'neu-geheim-1');
  assert.equal(typeof (await driver.management.getSecureBoot?.(node({ redfish_password: 'neu-geheim-1' }))), 'boolean');
  assert.equal(service.sessionCount, 1);
});

for (const { name, behaviour } of [...loadBmcProfiles().values()].filter((one) => one.name.startsWith('vendor-'))) {
  test(`reads and writes the format of ${name}`, async (t) => {
    const { bmcModel, driver, node } = await setUp(t, behaviour);
    bmcModel.bios.set('ProcTurboMode', 'Enabled');

    await driver.bios.applySettings(node(), { ProcTurboMode: 'Disabled' });
    const hasSecureBoot = (await driver.management.getSecureBoot?.(node())) !== null;
    if (hasSecureBoot) await driver.management.setSecureBoot?.(node(), true);

    const settings = await driver.bios.readSettings(node());
    assert.equal(settings.find((setting) => setting.name === 'ProcTurboMode')?.pending, 'Disabled');
    assert.equal(await driver.management.getSecureBoot?.(node()), hasSecureBoot ? true : null);
    const sensors = (await driver.management.readSensors?.(node())) ?? [];
    assert.ok(['temperature', 'fan', 'voltage'].every((type) => sensors.some((sensor) => sensor.type === type)));
    assert.equal(new Set(sensors.map((sensor) => sensor.name)).size, sensors.length);
    assert.ok(Array.isArray(await driver.management.readLog?.(node())));
    const components = (await driver.firmware.readComponents(node())).map(({ component }) => component);
    assert.ok(components.includes('bios') && components.includes('bmc'), components.join());
    await driver.management.changePassword?.(node(), 'neu-geheim-1');
    assert.equal(bmcModel.users[0]?.password, 'neu-geheim-1');
  });
}

for (const volumes of ['Immediate', 'OnReset'] as const) {
  test(`makes and deletes RAID volumes: ${volumes}`, async (t) => {
    const { driver, bmcModel, node } = await setUp(t, { redfish: { volumes, taskMs: 20 } });
    const { outOfBand: bmc } = driver.raid;
    assert.ok(bmc);
    const disks: LogicalDisk[] = [
      { raid_level: '1', size_gb: 100, is_root_volume: true, volume_name: 'root', physical_disks: ['Disk.2', 'Disk.3'] },
      { raid_level: '0', size_gb: 'MAX', number_of_physical_disks: 2 },
    ];
    const follow = async (progress: RaidProgress | undefined) => {
      assert.equal(progress?.needsRestart ?? false, volumes === 'OnReset');
      if (progress?.needsRestart) await bmcModel.chassis.reset();
      for (let left = progress; left; left = await bmc.poll(node(), left.task)) await pause(left.againIn * 1000);
    };

    const plan = await bmc.plan(node(), { disks, gone: [] });
    for (const volume of plan) {
      const begun = await bmc.create(node(), volume);
      assert.equal((await bmc.find(node(), { at: volume.at }))?.needsRestart ?? false, volumes === 'OnReset');
      await follow(begun);
    }
    const made = await bmc.readVolumes(node());

    assert.deepEqual(
      made.map(({ name, raid_level, size_bytes, drives = [] }) => [name, raid_level, size_bytes, drives.length]),
      [
        ['root', '1', 100 * 1024 ** 3, 2],
        ['RAID0 of 2', '0', 2 * 10 ** 12, 2],
      ],
    );
    assert.match(String(made[0]?.root_device_hint?.['wwn']), /^0x6000/);
    assert.equal((await faultOf(bmc.plan(node(), { disks, gone: [] }))).code, 'badRequest');
    const all = made.map(({ id }) => id);
    assert.equal((await bmc.plan(node(), { disks, gone: all })).length, 2);
    for (const id of all) {
      const gone = await bmc.remove(node(), { id });
      if (gone) await bmcModel.chassis.reset();
    }
    assert.deepEqual(await bmc.readVolumes(node()), []);
  });
}
