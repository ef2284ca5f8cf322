/** Our driver and ipmitool read OpenIPMI's simulated BMC: the results must agree. */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { type IpmiSim, startIpmiSim, withoutIpmiSim, withoutIpmitool } from '#test/captures/ipmi-sim.ts';
import { sensorTable, simKnowledge } from '#test/captures/ipmi-sim-sensors.ts';
import { columns, ipmitool, sensorAsPrinted, sensorColumns } from '#test/captures/ipmi-tools.ts';
import type { ManagementInterface, NodeFacts } from '../interfaces.ts';
import { createIpmiDriver, type IpmiDriver } from './index.ts';

suite("what OpenIPMI's simulated BMC reports", { skip: withoutIpmiSim || withoutIpmitool }, () => {
  let sim: IpmiSim;
  let driver: IpmiDriver;
  let node: NodeFacts;
  const management = () => driver.management as Required<ManagementInterface>;
  const ask = async (command: string) =>
    (await ipmitool({ port: sim.port, user: 'admin', password: 'secret', suite: 3 }, command)).stdout;

  before(async () => {
    sim = await startIpmiSim(simKnowledge());
    driver = createIpmiDriver();
    const driver_info = { ipmi_address: '127.0.0.1', ipmi_port: sim.port, ipmi_username: 'admin', ipmi_password: 'secret' };
    const uuid = '5f1f7c2e-0c7e-4b7e-9a4e-2f7f5b1d0002';
    node = { id: 1, uuid, name: 'sim', driver: 'ipmi', driver_info, properties: {}, extra: {}, power_state: null, ports: [] };
  });
  after(async () => {
    await driver?.close();
    await sim?.close();
  });

  test('values and thresholds of each formula equal those of ipmitool', async () => {
    const sensors = new Map((await management().readSensors(node)).map((sensor) => [sensor.name, sensor]));

    const printed = columns(await ask('sensor')).filter(([name = '']) => sensorTable.some((row) => row.name === name));

    assert.equal(printed.length, sensorTable.length);
    for (const row of printed) assert.deepEqual(sensorAsPrinted(sensors.get(row[0] ?? '')), sensorColumns(row), String(row[0]));
  });

  test('units are complete', async () => {
    const units = new Map((await management().readSensors(node)).map(({ name, unit }) => [name, unit]));

    const expected = { percent: '%', rate: 'B/s', product: 'W·h', quotient: 'CFM/W', reciprocal: 'rpm', linear: '°C' };
    for (const [name, unit] of Object.entries(expected)) assert.equal(units.get(name), unit, name);
  });

  test('states, and sensors that share a record', async () => {
    const sensors = await management().readSensors(node);

    const states = sensors.filter(({ unit }) => unit === null).map(({ name, states, status }) => [name, states, status]);
    assert.deepEqual(states, [
      ['drive', ['drive presence', 'drive fault'], 'critical'],
      ['supply', ['presence detected'], 'ok'],
      ['DIMM slot x 5', ['presence detected'], 'ok'],
      ['DIMM slot x 6', ['uncorrectable ECC', 'presence detected'], 'critical'],
      ['DIMM slot x 7', ['presence detected'], 'ok'],
    ]);
    assert.match(await ask('sdr elist'), /drive +\| 64h \| ok +\| .* Drive Present, Drive Fault/);
  });

  test('log entries, with the names and the values of their sensors', async () => {
    const log = await management().readLog(node);

    assert.deepEqual(
      log.map(({ at, severity, source, message }) => [at, severity, source, message]),
      [
        [null, 'warning', 'linear', 'upper non-critical going high: 117 °C, threshold 112 °C'],
        [null, 'critical', 'interrupts', 'PCI PERR'],
        [null, 'ok', 'drive', 'drive fault (deasserted)'],
        [null, 'ok', 'system firmware progress 07h', 'system firmware progress: starting operating system boot'],
        [null, 'ok', 'OEM', 'record of type C5h: 010203040506070809'],
        [null, 'ok', 'OEM', 'record of type E1h: 0102030405060708090a0b0c0d'],
      ],
    );
    const printed = await ask('sel elist');
    assert.match(printed, /linear \| Upper Non-critical going high \| Asserted \| Reading 117 > Threshold 112 degrees C/);
    assert.match(printed, /interrupts \| PCI PERR/);
    assert.match(printed, /OEM record e1 \| 0102030405060708090a0b0c0d/);
  });

  test('FRU data in plain, packed and decimal texts', async () => {
    const { details, ...identity } = await management().identify(node);

    assert.deepEqual(identity, { manufacturer: 'Acme', product: 'Box', serial: 'SN123', part_number: 'PN9', asset_tag: 'tag' });
    const [own] = details['devices'] as Record<string, Record<string, unknown>>[];
    assert.deepEqual(own?.['chassis'], { type: 'main server chassis', part_number: 'CH-1', serial: '123 45.6' });
    assert.equal(own?.['board']?.['product'], 'DELL');
    assert.equal(own?.['board']?.['made_at'], '2022-03-18T09:36:00.000Z');
    assert.deepEqual(own?.['board']?.['custom'], ['extra']);
    const printed = await ask('fru print');
    assert.match(printed, /Chassis Serial +: 123 45.6\n/);
    assert.match(printed, /Board Mfg Date +: Fri Mar 18 09:36:00 2022 UTC\n.*\n Board Product +: DELL\n/);
  });

  test('the identity of the BMC', async () => {
    const info = await management().bmcInfo(node);

    const { firmware_version, manufacturer_id, product_id } = info;
    assert.deepEqual(
      { firmware_version, manufacturer_id, product_id },
      { firmware_version: '9.08', manufacturer_id: 4753, product_id: 3842 },
    );
    const printed = await ask('lan print 1');
    const { cipher_suites } = info['lan'] as { cipher_suites: number[] };
    assert.equal(cipher_suites.join(','), /RMCP\+ Cipher Suites +: (.*)/.exec(printed)?.[1]);
  });

  test('erases the log', async () => {
    await management().clearLog(node);

    assert.deepEqual(await management().readLog(node), []);
    assert.match(await ask('sel info'), /Entries +: 0/);
  });
});
