/**
 * Tests against published recordings of real BMCs: see readme.md, "Real BMCs". The replay validates our changes: it
 * rejects whatever the BMC did not show. Skipped without `REFEREE_REDFISH_RECORDINGS`.
 */
import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import { Fault } from '#domain/faults.ts';
import type { JsonObject } from '#domain/json.ts';
import {
  listRecordings,
  type Recording,
  type ReplayedBmc,
  readRecording,
  replayBmc,
  withoutRecordings,
} from '#test/a-replayed-bmc.ts';
import { aNode } from '#test/a-task.ts';
import type { BootDevice, NodeFacts, PowerTarget } from '../interfaces.ts';
import { createRedfishDriver } from './index.ts';
import { at, objectAt, objectsAt, textAt, textsAt, wordAt } from './resource-fields.ts';

type Fixture = ReturnType<typeof openFixture>;

/** A recorded system, and a driver connected to it. */
function openFixture(t: TestContext, bmc: ReplayedBmc, systemPath: string) {
  const driver = createRedfishDriver({
    limits: { taskPauseMs: 10, upsetMs: 10 },
    pollTiming: { pollMs: 5, retryMs: 5, effectMs: 1_000 },
  });
  t.after(() => driver.close());
  const driver_info = { redfish_address: bmc.url, redfish_system_id: systemPath, redfish_username: 'u', redfish_password: 'p' };
  const node: NodeFacts = { ...aNode({ driver: 'redfish', driver_info }), ports: [] };
  const recorded = (path: string | undefined) => bmc.resources.get((path ?? '').replace(/\/+$/, '').toLowerCase()) ?? {};
  const linked = (resource: JsonObject, ...keys: string[]) => recorded(textAt(resource, ...keys, '@odata.id'));
  return { driver, node, bmc, recorded, linked, system: recorded(systemPath) };
}

/** The resolved value, or undefined if the BMC does not support it. */
async function ifAny<T>(promise: Promise<T> | undefined): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (error instanceof Fault && error.code === 'unsupportedByHardware') return undefined;
    throw error;
  }
}

const stateTable: Readonly<Record<string, string>> = {
  On: 'power on',
  Off: 'power off',
  PoweringOn: 'power on',
  PoweringOff: 'power on',
};
const targets: readonly PowerTarget[] = ['power off', 'power on', 'reset', 'power cycle', 'soft power off', 'power on'];

async function checkPower({ driver, node, system, bmc, not = [] }: Fixture & { not?: readonly PowerTarget[] }): Promise<void> {
  assert.equal(await driver.power.getPower(node), stateTable[textAt(system, 'PowerState') ?? '']);
  for (const target of targets.filter((each) => !not.includes(each))) await driver.power.setPower(node, target);
  assert.ok(bmc.changes.length >= targets.length - not.length);
  assert.equal(await driver.power.getPower(node), 'power on');
}

/** For a BMC without a ResetType that ends in "off": the request fails, and nothing is sent. */
async function checkPowerWithoutOff(fixture: Fixture): Promise<void> {
  const { driver, node, system, bmc } = fixture;
  const offered = textsAt(system, 'Actions', '#ComputerSystem.Reset', 'ResetType@Redfish.AllowableValues') ?? [];
  assert.ok(!offered.some((type) => ['ForceOff', 'GracefulShutdown', 'PushPowerButton'].includes(type)), offered.join());
  const off: readonly PowerTarget[] = ['power off', 'soft power off'];
  for (const target of off) {
    await assert.rejects(driver.power.setPower(node, target), {
      code: 'bmcUnsupported',
      message: /no ResetType for it \(offered: On, /,
    });
  }
  assert.equal(bmc.changes.length, 0);
  await checkPower({ ...fixture, not: off });
}

const deviceTable: Readonly<Partial<Record<BootDevice, readonly string[]>>> = {
  pxe: ['Pxe'],
  disk: ['Hdd'],
  cdrom: ['Cd', 'UsbCd'],
  bios: ['BiosSetup'],
  uefihttp: ['UefiHttp'],
};

async function checkBoot({ driver, node, system, linked }: Fixture): Promise<void> {
  const settings = linked(system, '@Redfish.Settings', 'SettingsObject');
  const name = 'BootSourceOverrideTarget@Redfish.AllowableValues';
  const offered = textsAt(settings, 'Boot', name) ?? textsAt(system, 'Boot', name) ?? [];
  const uri = 'http://192.0.2.1/snp.efi';
  for (const [name, words] of Object.entries(deviceTable)) {
    const device = name as BootDevice;
    const set = driver.management.setBootDevice(node, device, { persistent: false, ...(device === 'uefihttp' && { uri }) });
    const isSet = await ifAny(set.then(() => true));
    assert.equal(
      isSet ?? false,
      words.some((word) => offered.includes(word)),
      `boot device ${device}`,
    );
    if (isSet) assert.deepEqual(await driver.management.getBootDevice(node), { device, persistent: false });
  }
  assert.ok([null, 'bios', 'uefi'].includes((await driver.management.getBootMode?.(node)) ?? null));
}

async function checkIdentity({ driver, node, system }: Fixture): Promise<void> {
  const identity = await driver.management.identify?.(node);
  const [model, serial] = [wordAt(system, 'Model'), wordAt(system, 'SerialNumber')];
  if (model !== undefined) assert.equal(identity?.product, model);
  if (serial !== undefined) assert.equal(identity?.serial, serial);
  const bmc = (await ifAny(driver.management.bmcInfo?.(node))) ?? {};
  for (const nic of objectsAt(bmc, 'interfaces')) {
    if (nic['mac'] !== undefined) assert.match(String(nic['mac']), /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/);
    assert.ok(!['0.0.0.0', '::'].some((none) => textsAt(nic, 'addresses')?.includes(none)));
  }
}

/** What the system itself says of its processors, memory and NICs. */
async function checkInspection({ driver, node, system, linked, recorded }: Fixture): Promise<void> {
  const found = await driver.inspect.readHardware?.(node);
  assert.ok(found);
  const memory = at(system, 'MemorySummary', 'TotalSystemMemoryGiB');
  if (typeof memory === 'number' && memory > 0) assert.equal(found.memory_mb, Math.floor(memory * 1024));
  const processors = objectsAt(linked(system, 'Processors'), 'Members').map((one) => recorded(textAt(one, '@odata.id')));
  if (processors.some((one) => at(one, 'InstructionSet') === 'x86-64')) assert.equal(found.cpu.architecture, 'x86_64');
  const nics = objectsAt(linked(system, 'EthernetInterfaces'), 'Members').map((one) => recorded(textAt(one, '@odata.id')));
  const macs = nics.map((nic) => textAt(nic, 'MACAddress')?.toLowerCase().replaceAll('-', ':') ?? '');
  for (const { mac } of found.nics) assert.match(mac, /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/);
  for (const mac of macs.filter((each) => /^[0-9a-f][02468ace](:[0-9a-f]{2}){5}$/.test(each) && !/^[0:]+$/.test(each)))
    assert.ok(
      found.nics.some((nic) => nic.mac === mac) ||
        nics.some((nic) => at(nic, 'Status', 'State') === 'Absent' || at(nic, 'Id') === 'ToManager'),
      mac,
    );
  for (const { size_bytes, wwn } of [...found.drives, ...found.disks]) {
    assert.ok(size_bytes > 0 && size_bytes < 2 ** 60);
    if (wwn !== undefined) assert.match(wwn, /^0x[0-9a-f]+$/);
  }
  // It is kept in the database, and shown.
  assert.ok(JSON.stringify(found).length < 512 * 1024);
}

async function checkMedia({ driver, node }: Fixture): Promise<void> {
  const { media } = driver.management;
  const image = 'http://192.0.2.1/boot.iso';
  // Images in other drives must stay inserted.
  const others = ((await ifAny(media?.slots(node))) ?? []).filter((slot) => slot.inserted && slot.device !== 'cdrom');
  const rest = others.map((slot) => slot.image);
  const isIn = await ifAny(media?.insert(node, 'cdrom', image).then(() => true));
  if (!isIn) return;
  const held = async () => ((await media?.slots(node)) ?? []).filter((slot) => slot.inserted).map((slot) => slot.image);
  assert.deepEqual((await held()).toSorted(), [...rest, image].toSorted());
  await media?.eject(node, 'cdrom');
  assert.deepEqual(await held(), rest);
}

async function checkBios({ driver, node, system, bmc, linked }: Fixture): Promise<void> {
  const settings = (await ifAny(driver.bios.readSettings(node))) ?? [];
  const choices = settings.filter(({ type, value }) => type === 'Enumeration' && typeof value === 'string' && value !== '');
  const strange = choices.filter(({ value, allowable_values: values }) => values && !values.includes(String(value)));
  // A registry may contain a few errors: SGX sizes of a DGX H100.
  assert.ok(strange.length <= choices.length / 20, strange.map(({ name }) => name).join(' '));
  const one = choices.find((setting) => setting.read_only === false && (setting.allowable_values?.length ?? 0) > 1);
  const target = textAt(linked(system, 'Bios'), '@Redfish.Settings', 'SettingsObject', '@odata.id');
  if (!one || (target !== undefined && !bmc.resources.has(target.replace(/\/+$/, '').toLowerCase()))) return;
  const other = one.allowable_values?.find((value) => value !== one.value) ?? '';
  await driver.bios.applySettings(node, { [one.name]: other });
  const { path, body } = bmc.changes.at(-1) ?? {};
  assert.deepEqual(at(body, 'Attributes'), { [one.name]: other });
  if (target !== undefined) assert.equal(path?.toLowerCase(), target.replace(/\/+$/, '').toLowerCase());
}

const rangeTable: Readonly<Record<string, readonly [least: number, most: number]>> = {
  temperature: [-60, 200],
  fan: [0, 60_000],
  voltage: [-60, 1_000],
  current: [-100, 1_000],
  power: [0, 50_000],
  percent: [-1, 1_000],
};

async function checkSensors({ driver, node }: Fixture): Promise<void> {
  const sensors = (await ifAny(driver.management.readSensors?.(node))) ?? [];
  assert.equal(new Set(sensors.map(({ name }) => name)).size, sensors.length);
  for (const { name, type, value, unit } of sensors) {
    const [least, most] = rangeTable[type] ?? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
    if (value !== null) assert.ok(value >= least && value <= most, `${name}: ${value} ${unit} of ${type}`);
    if (type === 'fan') assert.ok(unit === 'rpm' || unit === '%', `${name}: ${unit}`);
    if (unit === 'rpm') assert.equal(type, 'fan', name);
  }
}

async function checkLog({ driver, node }: Fixture): Promise<void> {
  const log = (await ifAny(driver.management.readLog?.(node))) ?? [];
  const times = log.flatMap(({ at }) => at ?? []);
  assert.deepEqual(times, times.toSorted());
  for (const { id, at, message } of log) {
    assert.ok(message.trim() !== '' && message !== 'NULL', id);
    assert.ok(at === null || /^20[0-9]{2}-/.test(at), `${id}: ${at}`);
  }
  await ifAny(driver.management.clearLog?.(node));
}

async function checkFirmware({ driver, node, system }: Fixture): Promise<void> {
  const components = (await ifAny(driver.firmware.readComponents(node))) ?? [];
  const bios = components.find(({ component }) => component === 'bios');
  if (textAt(system, 'BiosVersion') !== undefined) assert.equal(bios?.version, textAt(system, 'BiosVersion')?.trim());
  for (const { component, version } of components) {
    assert.notEqual(component, '');
    assert.ok(version === null || !/^(\s*|nil|n\/?a|null)$/i.test(version), `${component}: ${version}`);
  }
}

async function checkSecureBoot({ driver, node, bmc }: Fixture): Promise<void> {
  const isOn = await ifAny(driver.management.getSecureBoot?.(node));
  if (typeof isOn !== 'boolean') return;
  await driver.management.setSecureBoot?.(node, !isOn);
  assert.deepEqual(bmc.changes.at(-1)?.body, { SecureBootEnable: !isOn });
}

/** Nothing is sent: each level can be had, or is refused by its cause. */
async function checkRaid({ driver, node, bmc, system, recorded, linked }: Fixture): Promise<void> {
  const { outOfBand } = driver.raid;
  const volumes = (await ifAny(outOfBand?.readVolumes(node))) ?? [];
  const storages = objectsAt(linked(system, 'Storage'), 'Members').map((member) => recorded(textAt(member, '@odata.id')));
  const paths = storages
    .flatMap((storage) => objectsAt(linked(storage, 'Volumes'), 'Members'))
    .map((one) => textAt(one, '@odata.id'));
  const types = paths.map((path) => textAt(recorded(path), 'RAIDType')).filter((type) => type?.startsWith('RAID'));
  assert.equal(volumes.filter(({ raid_level }) => raid_level !== undefined).length, types.length);
  for (const raid_level of ['0', '1', '5', '1+0'] as const) {
    const wanted = { disks: [{ raid_level, size_gb: 1 }], gone: volumes.map(({ id }) => id) };
    const plan = await outOfBand?.plan(node, wanted).catch((error: unknown) => {
      if (error instanceof Fault && ['badRequest', 'unsupportedByHardware'].includes(error.code)) return [];
      throw error;
    });
    for (const { drives } of plan ?? []) assert.ok(drives.every((drive) => Number(recorded(drive)['CapacityBytes']) > 0));
  }
  assert.deepEqual(bmc.changes, []);
}

const checks: Readonly<Record<string, (fixture: Fixture) => Promise<void>>> = {
  identity: checkIdentity,
  sensors: checkSensors,
  log: checkLog,
  firmware: checkFirmware,
  RAID: checkRaid,
  inspection: checkInspection,
  'BIOS settings': checkBios,
  'secure boot': checkSecureBoot,
  'virtual media': checkMedia,
  boot: checkBoot,
  power: checkPower,
};

type Leniency = { readonly why: string; readonly checks?: typeof checks; readonly rootOf?: string };

/** Inconsistent recordings, which no real BMC can have answered, and the expected results. */
const leniencies: Readonly<Record<string, Leniency>> = {
  'redfish_ctl-idrac': {
    why: 'written by hand (Model: PowerEdge Mock): offers no ResetType that switches off, which every iDRAC has',
    checks: { ...checks, power: checkPowerWithoutOff },
  },
  'redfish_ctl-supermicro_x10_119': {
    why: 'cut down: without the service root that DSP0266 asks of each service; it gets that of its sister',
    rootOf: 'redfish_ctl-supermicro_x10',
  },
};

const rootPath = '/redfish/v1';

/** The recording, with another one's service root if it has none. Without one the driver reports that it is missing. */
async function readWhole(t: TestContext, name: string): Promise<Recording> {
  const recording = readRecording(name);
  const { rootOf } = leniencies[name] ?? {};
  if (rootOf === undefined) return recording;
  assert.ok(!recording.resources.has(rootPath), 'it has a service root: its row is out of date');
  const [system = ''] = switchable(recording, [...recording.resources.keys()]);
  const { driver, node } = openFixture(t, await replayBmc(t, recording), system);
  await assert.rejects(driver.power.getPower(node), { code: 'bmcError', message: /GET \/redfish\/v1\/ failed on .*: 404/ });
  const root = readRecording(rootOf).resources.get(rootPath) ?? {};
  return { name, resources: new Map([...recording.resources, [rootPath, root]]) };
}

/** GPU baseboards are systems, too, but cannot be powered on or off. */
function switchable(recording: Recording, systems: readonly string[]): string[] {
  const has = (path: string) => '#ComputerSystem.Reset' in objectAt(recording.resources.get(path.toLowerCase()), 'Actions');
  return systems.filter(has);
}

suite('recorded BMCs', { skip: withoutRecordings }, () => {
  for (const name of listRecordings()) {
    test(name, async (t) => {
      const recording = await readWhole(t, name);
      const { systems } = await replayBmc(t, recording);
      const own = switchable(recording, systems);
      assert.ok(own.length > 0, `none of ${systems.length} systems can be switched`);
      for (const system of own) {
        for (const [concern, check] of Object.entries(leniencies[name]?.checks ?? checks)) {
          await t.test(`${system}: ${concern}`, async (t) => {
            const bmc = await replayBmc(t, recording);
            await check(openFixture(t, bmc, system));
            assert.deepEqual(
              bmc.changes.flatMap(({ refusal }) => refusal ?? []),
              [],
            );
          });
        }
      }
    });
  }
});
