import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { JsonObject } from '#domain/json.ts';
import { collectionOf, startRedfishTree } from '#test/a-redfish-tree.ts';
import { createRedfishSensors } from './sensors.ts';

const link = (path: string) => ({ '@odata.id': path });
const ok = { State: 'Enabled', Health: 'OK' };

async function readSensors(t: TestContext, resources: Record<string, JsonObject>) {
  const { node, withSystem, reads } = await startRedfishTree(t, resources);
  const sensors = await createRedfishSensors(withSystem).readSensors(node);
  return { sensors, reads, row: (name: string) => sensors.find((sensor) => sensor.name === name) };
}

test('reads Thermal and Power of old services', async (t) => {
  // Shapes of DMTF mockup public-rackmount1 (Thermal v1_7, Power v1_7) and iLO 5 (thresholds of 0, a fan in percent).
  const { sensors, row } = await readSensors(t, {
    '/redfish/v1/Chassis/1': {
      Id: '1',
      Thermal: link('/redfish/v1/Chassis/1/Thermal'),
      Power: link('/redfish/v1/Chassis/1/Power'),
    },
    '/redfish/v1/Chassis/1/Thermal': {
      Temperatures: [
        {
          Name: 'CPU1 Temp',
          Status: ok,
          ReadingCelsius: 41,
          UpperThresholdNonCritical: 42,
          UpperThresholdCritical: 45,
          UpperThresholdFatal: 48,
          LowerThresholdNonCritical: 10,
          LowerThresholdCritical: 5,
          LowerThresholdFatal: 0,
        },
        { Name: 'CPU2 Temp', Status: { State: 'Disabled' }, UpperThresholdCritical: 45 },
        {
          Name: '02-CPU 1',
          Status: { State: 'Enabled', Health: 'Warning' },
          ReadingCelsius: 69,
          UpperThresholdCritical: 70,
          UpperThresholdFatal: 0,
        },
        { Name: 'PCI 1', Status: { State: 'Absent' }, ReadingCelsius: 0 },
      ],
      Fans: [
        { Name: 'BaseBoard System Fan', Status: ok, Reading: 2100, ReadingUnits: 'RPM', LowerThresholdFatal: 0 },
        { Name: 'Fan 1', Status: { State: 'Enabled', Health: 'Critical' }, Reading: 12, ReadingUnits: 'Percent' },
      ],
    },
    '/redfish/v1/Chassis/1/Power': {
      PowerControl: [{ Name: 'System Input Power', PowerConsumedWatts: 344, Status: ok }],
      Voltages: [{ Name: 'VRM1 Voltage', Status: ok, ReadingVolts: 12, UpperThresholdCritical: 13 }],
      PowerSupplies: [
        { '@odata.id': '/redfish/v1/Chassis/1/Power#/PowerSupplies/0', Name: 'Power Supply', Status: ok },
        {
          '@odata.id': '/redfish/v1/Chassis/1/Power#/PowerSupplies/1',
          Name: 'Power Supply',
          Status: { State: 'Enabled', Health: 'Warning' },
        },
      ],
    },
  });

  assert.deepEqual(row('CPU1 Temp'), {
    name: 'CPU1 Temp',
    type: 'temperature',
    value: 41,
    unit: '°C',
    status: 'ok',
    states: [],
    thresholds: {
      'lower non-critical': 10,
      'lower critical': 5,
      'lower non-recoverable': 0,
      'upper non-critical': 42,
      'upper critical': 45,
      'upper non-recoverable': 48,
    },
  });
  assert.deepEqual([row('CPU2 Temp')?.value, row('CPU2 Temp')?.status], [null, 'unknown']);
  assert.deepEqual([row('02-CPU 1')?.status, row('02-CPU 1')?.thresholds], ['warning', { 'upper critical': 70 }]);
  assert.equal(row('PCI 1'), undefined);
  assert.deepEqual([row('BaseBoard System Fan')?.unit, row('Fan 1')?.unit, row('Fan 1')?.status], ['rpm', '%', 'critical']);
  assert.deepEqual([row('System Input Power')?.value, row('VRM1 Voltage')?.unit], [344, 'V']);
  assert.deepEqual([row('Power Supply 1')?.states, row('Power Supply 2')?.status], [['presence detected'], 'warning']);
  assert.equal(sensors.length, 9);
});

test('prefers the Sensors collection to resources that repeat it', async (t) => {
  // DMTF mockup public-rackmount1: all of it twice and under other names. Units in UCUM.
  const base = '/redfish/v1/Chassis/1';
  const rows: Record<string, JsonObject> = {
    CPU1Temp: {
      Name: 'CPU #1 Temperature',
      ReadingType: 'Temperature',
      Reading: 37,
      ReadingUnits: 'Cel',
      Status: ok,
      Thresholds: {
        UpperCaution: { Reading: 42 },
        UpperCautionUser: { Reading: 40 },
        UpperFatal: { Reading: 50 },
        LowerCritical: {},
      },
    },
    CPUFan1: {
      Name: 'CPU #1 Fan Speed',
      PhysicalContext: 'CPU',
      ReadingType: 'Percent',
      Reading: 80,
      ReadingUnits: '%',
      Status: ok,
    },
    PS1Power: { Name: 'PS1 Input', ReadingType: 'Power', Reading: 374.5, ReadingUnits: 'W', Status: ok },
    PS1Energy: { Name: 'PS1 Energy', ReadingType: 'EnergykWh', Reading: 3, ReadingUnits: 'kW.h', Status: ok },
    VBat: { Name: 'VBat', ReadingUnits: 'V', Reading: 3.1, Status: ok },
    Flow: {
      Name: 'Flow',
      ReadingType: 'LiquidFlowLPM',
      Reading: 2,
      ReadingUnits: 'L/min',
      Status: { State: 'UnavailableOffline' },
    },
  };
  const paths = Object.keys(rows).map((id) => `${base}/Sensors/${id}`);
  const { sensors, row, reads } = await readSensors(t, {
    [base]: { Id: '1', Sensors: link(`${base}/Sensors`), Thermal: link(`${base}/Thermal`), Power: link(`${base}/Power`) },
    [`${base}/Sensors`]: collectionOf([...paths, paths[0] as string]),
    ...Object.fromEntries(
      Object.entries(rows).map(([id, row]) => [
        `${base}/Sensors/${id}`,
        { '@odata.id': `${base}/Sensors/${id}`, Id: id, ...row },
      ]),
    ),
    [`${base}/Thermal`]: { Temperatures: [{ Name: 'CPU1 Temp', ReadingCelsius: 37, Status: ok }] },
    [`${base}/Power`]: { Voltages: [{ Name: 'VRM', ReadingVolts: 5 }], PowerSupplies: [{ Name: 'PSU', Status: ok }] },
  });

  assert.deepEqual(row('CPU #1 Temperature')?.thresholds, { 'upper non-critical': 42, 'upper non-recoverable': 50 });
  assert.deepEqual(
    sensors.map(({ name, type, value, unit }) => [name, type, value, unit]),
    [
      ['CPU #1 Temperature', 'temperature', 37, '°C'],
      ['CPU #1 Fan Speed', 'fan', 80, '%'],
      ['PS1 Input', 'power', 374.5, 'W'],
      ['PS1 Energy', 'energy', 3, 'kWh'],
      ['VBat', 'voltage', 3.1, 'V'],
      ['Flow', 'liquid flow lpm', null, 'L/min'],
      ['PSU', 'power supply', null, null],
    ],
  );
  assert.equal(reads.includes(`${base}/Thermal`), false);
});

test('adds from the subsystems what the collection lacks', async (t) => {
  // iLO 6: the collection holds temperatures alone, without type and unit; fans are in ThermalSubsystem.
  const base = '/redfish/v1/Chassis/1';
  const { sensors } = await readSensors(t, {
    [base]: {
      Id: '1',
      Sensors: link(`${base}/Sensors`),
      ThermalSubsystem: link(`${base}/ThermalSubsystem`),
      PowerSubsystem: link(`${base}/PowerSubsystem`),
      EnvironmentMetrics: link(`${base}/EnvironmentMetrics`),
    },
    [`${base}/Sensors`]: collectionOf([`${base}/Sensors/0`]),
    [`${base}/Sensors/0`]: {
      Id: '0',
      Name: '01-Inlet Ambient',
      Oem: { Hpe: { '@odata.type': '#HpeSeaOfSensors.v2_1_0.HpeSeaOfSensors' } },
      Reading: 24,
      Status: ok,
      Thresholds: { UpperCaution: {}, UpperCautionUser: { Reading: 0 }, UpperCritical: { Reading: 42 } },
    },
    [`${base}/ThermalSubsystem`]: { Fans: link(`${base}/ThermalSubsystem/Fans`) },
    [`${base}/ThermalSubsystem/Fans`]: collectionOf([`${base}/ThermalSubsystem/Fans/0`, `${base}/ThermalSubsystem/Fans/1`]),
    [`${base}/ThermalSubsystem/Fans/0`]: { Name: 'Fan 1', SpeedPercent: { Reading: 45, SpeedRPM: 2200 }, Status: ok },
    [`${base}/ThermalSubsystem/Fans/1`]: { Name: 'Fan 2', SpeedPercent: { Reading: 47 }, Status: ok },
    [`${base}/PowerSubsystem`]: { PowerSupplies: link(`${base}/PowerSubsystem/PowerSupplies`) },
    [`${base}/PowerSubsystem/PowerSupplies`]: collectionOf([`${base}/PowerSubsystem/PowerSupplies/0`]),
    [`${base}/PowerSubsystem/PowerSupplies/0`]: {
      Name: 'HpeServerPowerSupply',
      Status: { State: 'Enabled', Health: 'Critical' },
    },
    [`${base}/EnvironmentMetrics`]: { PowerWatts: { Reading: 320, DataSourceUri: `${base}/Sensors/x` } },
  });

  assert.deepEqual(
    sensors.map(({ name, type, value, unit, status }) => [name, type, value, unit, status]),
    [
      ['01-Inlet Ambient', 'temperature', 24, '°C', 'ok'],
      ['Fan 1', 'fan', 2200, 'rpm', 'ok'],
      ['Fan 2', 'fan', 47, '%', 'ok'],
      ['HpeServerPowerSupply', 'power supply', null, null, 'critical'],
      ['System power', 'power', 320, 'W', 'unknown'],
    ],
  );
});

test('reads all chassis of a system and distinguishes their sensors', async (t) => {
  const chassis = (id: string) => ({ Id: id, Thermal: link(`/redfish/v1/Chassis/${id}/Thermal`) });
  const thermal = { Temperatures: [{ Name: 'Inlet', ReadingCelsius: 20, Status: ok }] };
  const { sensors } = await readSensors(t, {
    '/redfish/v1/Systems/1': {
      Links: {
        Chassis: [link('/redfish/v1/Chassis/Node'), link('/redfish/v1/Chassis/Shelf'), link('/redfish/v1/Chassis/Gone')],
        ManagedBy: [link('/redfish/v1/Managers/1')],
      },
    },
    '/redfish/v1/Chassis/Node': chassis('Node'),
    '/redfish/v1/Chassis/Node/Thermal': { ...thermal, Fans: [{ Name: 'Fan', Reading: 900 }] },
    '/redfish/v1/Chassis/Shelf': chassis('Shelf'),
    '/redfish/v1/Chassis/Shelf/Thermal': thermal,
  });
  assert.deepEqual(
    sensors.map(({ name }) => name),
    ['Node Inlet', 'Fan', 'Shelf Inlet'],
  );
});

test('reports a machine without sensors', async (t) => {
  await assert.rejects(readSensors(t, {}), /does not support sensors/);
});
