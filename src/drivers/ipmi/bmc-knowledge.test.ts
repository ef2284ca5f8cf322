/** Our driver reads the virtual BMC: same output as ipmitool, few packets, tolerance of nonconforming responses. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Fault } from '#domain/faults.ts';
import type { JsonObject } from '#domain/json.ts';
import { startBmc } from '#lab/bmc/bmc.ts';
import { createMemoryChassis } from '#lab/bmc/memory-chassis.ts';
import { withoutIpmitool } from '#test/captures/ipmi-sim.ts';
import { columns, ipmitool } from '#test/captures/ipmi-tools.ts';
import { defaultTimings } from '#wire/ipmi/timings.ts';
import type { ManagementInterface, NodeFacts } from '../interfaces.ts';
import { createIpmiDriver } from './index.ts';
import { makeNamesUnique } from './sensor-records.ts';

/** No retransmissions, even on a slow machine. */
const timings = { ...defaultTimings, firstWait: 10_000, shortestWait: 10_000, longestWait: 10_000, singleWait: 10_000 };
const login = { user: 'admin', password: 'secret', suite: 17 };

/** A machine that is on, its BMC, and our driver; `commands` lists the commands that the BMC has answered. */
async function setUp(t: TestContext) {
  let interrupts = 0;
  const injectNmi = () => {
    interrupts += 1;
  };
  const chassis = { ...createMemoryChassis('on'), injectNmi };
  const commands: string[] = [];
  const onCommand = ({ command }: { command: string }) => void commands.push(command);
  const users = [
    { name: 'op', password: 'other', privilege: 'operator' },
    { name: 'admin', password: 'secret' },
  ] as const;
  const bmc = await startBmc({ address: '127.0.0.1', port: 0, users, chassis, onCommand });
  const driver = createIpmiDriver({ timings });
  t.after(async () => {
    await driver.close();
    await bmc.close();
  });
  const node = (changes: JsonObject = {}): NodeFacts => ({
    id: 1,
    uuid: '5f1f7c2e-0c7e-4b7e-9a4e-2f7f5b1d0003',
    name: 'n1',
    driver: 'ipmi',
    driver_info: { ipmi_address: '127.0.0.1', ipmi_port: bmc.port, ipmi_username: 'admin', ipmi_password: 'secret', ...changes },
    properties: {},
    extra: {},
    power_state: null,
    ports: [],
  });
  const management = driver.management as Required<ManagementInterface>;
  for (const sensor of bmc.bmcModel.sensors) if (sensor.kind === 'analog') bmc.bmcModel.force(sensor.name, sensor.read());
  return { bmc, bmcModel: bmc.bmcModel, driver, management, node, commands, interrupts: () => interrupts };
}

test('reads the same as ipmitool', { skip: withoutIpmitool }, async (t) => {
  const { bmc, management, node } = await setUp(t);

  const sensors = await management.readSensors(node());

  const printed = new Map(columns((await ipmitool({ ...login, port: bmc.port }, 'sensor')).stdout).map((row) => [row[0], row]));
  const numbers = sensors.filter(({ value }) => value !== null);
  assert.equal(numbers.length, 11);
  for (const { name, value } of numbers) assert.equal(value?.toFixed(3), printed.get(name)?.[1], name);
  // ipmitool computes the thresholds of a non-linear sensor with the factors of another reading.
  for (const { name, thresholds } of numbers.filter((sensor) => sensor.name !== 'PSU2 Power')) {
    assert.equal(thresholds['upper critical']?.toFixed(3) ?? 'na', printed.get(name)?.[8], name);
  }
});

test('reads names and states of sensors that share a record', async (t) => {
  const { management, node } = await setUp(t);

  const sensors = await management.readSensors(node());

  const drives = sensors.filter(({ type }) => type === 'drive bay');
  assert.deepEqual(
    drives.map(({ name, states }) => [name, ...states]),
    ['0', '1', '2', '3'].map((slot) => [`Drive ${slot}`, 'drive presence']),
  );
  assert.equal(sensors.find(({ name }) => name === 'PSU1 Power')?.type, 'power');
  assert.equal(
    sensors.some(({ name }) => name === 'System Boot'),
    false,
    'event-only sensors are not read',
  );
});

test('shows what can be read while the machine is off', async (t) => {
  const { bmc, bmcModel, driver, management, node } = await setUp(t);
  for (const sensor of bmcModel.sensors) if (sensor.kind === 'analog') bmcModel.force(sensor.name, null);
  await driver.power.setPower(node(), 'power off');

  const sensors = new Map((await management.readSensors(node())).map((sensor) => [sensor.name, sensor]));

  assert.equal(sensors.get('CPU1 Temp')?.value, null);
  assert.equal(sensors.get('CPU1 Temp')?.status, 'unknown');
  assert.equal(typeof sensors.get('3.3V AUX')?.value, 'number');
  assert.deepEqual(sensors.get('Power Unit')?.states, ['power off / power down']);
  assert.equal(bmc.bmcModel.chassis.power(), 'off');
});

test('shows crossed thresholds in the sensor and in the log', async (t) => {
  const { bmcModel, management, node } = await setUp(t);
  bmcModel.force('CPU1 Temp', 97);
  bmcModel.force('FAN1', 1000);

  const sensors = new Map((await management.readSensors(node())).map((sensor) => [sensor.name, sensor]));
  const log = await management.readLog(node());

  assert.equal(sensors.get('CPU1 Temp')?.status, 'critical');
  assert.equal(sensors.get('FAN1')?.status, 'warning');
  assert.deepEqual(
    log.map(({ severity, source, message }) => [severity, source, message]),
    [
      ['warning', 'CPU1 Temp', 'upper non-critical going high: 97 °C, threshold 85 °C'],
      ['critical', 'CPU1 Temp', 'upper critical going high: 97 °C, threshold 95 °C'],
      ['warning', 'FAN1', 'lower non-critical going low: 1000 rpm, threshold 1200 rpm'],
    ],
  );
  assert.ok(log.every(({ at }) => Math.abs(Date.parse(at ?? '') - Date.now()) < 60_000));
});

test('reads sensor records and thresholds once', async (t) => {
  const { management, node, commands } = await setUp(t);
  await management.readSensors(node());
  commands.length = 0;

  await management.readSensors(node());

  assert.equal(commands.includes('Get SDR'), false);
  assert.equal(commands.includes('Get Sensor Thresholds'), false);
  assert.equal(commands.filter((name) => name === 'Get SDR Repository Info').length, 1);
});

test('reads all valid sensors of a malformed repository', async (t) => {
  const { bmc, management, node } = await setUp(t);
  const sound = await management.readSensors(node());
  bmc.setBmcProfile({ oddSdr: true });

  const odd = await management.readSensors(node());

  const named = (name: string) => (name === 'PSU1 Status' ? 'sensor 12' : name);
  assert.deepEqual(
    odd.map(({ name, value, states }) => [name, value, states]),
    sound.map(({ name, value, states }) => [named(name), value, states]),
  );
});

test('distinguishes sensors of one name by their numbers', () => {
  const sensor = {
    kind: 'sensor',
    owner: 0x20,
    lun: 0,
    entity: { id: 3, instance: 1 },
    sensorType: 1,
    eventType: 1,
    readable: true,
  } as const;
  const named = makeNamesUnique([
    { ...sensor, name: 'Temp', number: 14 },
    { ...sensor, name: 'Inlet', number: 4 },
    { ...sensor, name: 'Temp', number: 15 },
  ]);
  assert.deepEqual(
    named.map((record) => record.kind === 'sensor' && record.name),
    ['Temp (0xe)', 'Inlet', 'Temp (0xf)'],
  );
});

test('logs boots, interrupts and power changes, and erases the log', async (t) => {
  const { driver, management, node, interrupts } = await setUp(t);
  await management.injectNmi(node());
  await driver.power.setPower(node(), 'reset');
  await driver.power.setPower(node(), 'power off');

  const log = await management.readLog(node());

  assert.equal(interrupts(), 1);
  assert.deepEqual(
    log.map(({ source, message }) => [source, message]),
    [
      ['Critical IRQ', 'front panel NMI / diagnostic interrupt'],
      ['System Boot', 'initiated by hard reset'],
      ['Power Unit', 'power off / power down'],
    ],
  );
  await management.clearLog(node());
  assert.deepEqual(await management.readLog(node()), []);
});

test('reads FRU data, and reports wrong checksums without failing', async (t) => {
  const { bmc, bmcModel, management, node } = await setUp(t);
  const { manufacturer, product, serial, partNumber: part_number } = bmcModel.identity;
  const { details, ...identity } = await management.identify(node());
  assert.deepEqual(identity, { manufacturer, product, serial, part_number });
  assert.doesNotMatch(JSON.stringify(details), /notes/);

  bmc.setBmcProfile({ wrongChecksums: true });
  const odd = await management.identify(node());

  assert.equal(odd.serial, serial);
  assert.match(JSON.stringify(odd.details), /the checksum of the board area is wrong/);
});

test('reads the identity of the BMC', async (t) => {
  const { bmcModel, management, node } = await setUp(t);

  const info = await management.bmcInfo(node());

  assert.equal(info['firmware_version'], '1.07');
  assert.equal(info['system_guid'], bmcModel.identity.uuid);
  assert.equal(info['self_test'], 'passed');
  assert.deepEqual(info['lan'], {
    channel: 1,
    address: '127.0.0.1',
    address_source: 'static',
    netmask: '255.0.0.0',
    gateway: '0.0.0.0',
    mac: bmcModel.lan.mac,
    vlan: null,
    cipher_suites: [17, 3],
  });
});

test('the identify light stays on until it is switched off', async (t) => {
  const { bmcModel, management, node } = await setUp(t);
  await management.setIndicator(node(), 'on');
  assert.equal(bmcModel.indicator, 'on');
  assert.equal(await management.getIndicator(node()), 'on');
  await management.setIndicator(node(), 'off');
  assert.equal(await management.getIndicator(node()), 'off');

  await assert.rejects(management.setIndicator(node(), 'blinking'), (error) => isFault(error, 'unsupportedByHardware'));
});

test('opens a new session after a BMC reset', async (t) => {
  const { bmc, bmcModel, driver, management, node } = await setUp(t);
  for (const kind of ['warm', 'cold'] as const) {
    const reset = new Promise<string>((resolve) => void bmcModel.onReset(resolve));
    await management.resetBmc(node(), kind);
    assert.equal(await reset, kind);
    assert.equal(bmc.sessionCount, 0);

    assert.equal(await driver.power.getPower(node()), 'power on');
    assert.equal(bmc.sessionCount, 1);
  }
});

test('changes the password of the account in use, and of no other', async (t) => {
  const { bmcModel, driver, management, node } = await setUp(t);
  for (const password of ['exactly-twenty-bytes', 'short']) {
    const present = bmcModel.users.find(({ name }) => name === 'admin')?.password ?? '';
    await management.changePassword(node({ ipmi_password: present }), password);
    assert.equal(await driver.power.getPower(node({ ipmi_password: password })), 'power on');
  }

  assert.equal(bmcModel.users.find(({ name }) => name === 'op')?.password, 'other');
  const tooLong = management.changePassword(node({ ipmi_password: 'short' }), 'more-than-twenty-bytes');
  await assert.rejects(tooLong, (error) => isFault(error, 'badRequest') && !/twenty/.test((error as Fault).message));
});

test('sets the requested boot mode', async (t) => {
  const { bmcModel, driver, node } = await setUp(t);
  await driver.management.setBootDevice(node(), 'pxe', { persistent: false, mode: 'uefi' });
  assert.deepEqual(bmcModel.chassis.bootOverride.get(), { device: 'pxe', persistent: false, uefi: true });
  await driver.management.setBootDevice(node(), 'disk', { persistent: true, mode: 'bios' });
  assert.deepEqual(bmcModel.chassis.bootOverride.get(), { device: 'disk', persistent: true, uefi: false });
});

test('aborts a read of many commands', async (t) => {
  const { management, node, commands } = await setUp(t);
  const ending = new AbortController();
  const reading = management.readSensors(node(), { signal: ending.signal });
  ending.abort(new Error('enough'));

  await assert.rejects(reading, /enough/);

  assert.equal(commands.includes('Get Sensor Reading'), false);
});

function isFault(error: unknown, code: string): boolean {
  return error instanceof Fault && error.code === code;
}
