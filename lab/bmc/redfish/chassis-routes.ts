/** The chassis: indicator and sensors, in the old form (Thermal, Power) and the new (Sensors). DSP0268. */
import type { AnalogSensor, ThresholdName } from '../bmc-model.ts';
import type { Resource } from './messages.ts';
import { type Call, collection, head, healthy, link, missing, type Route } from './route.ts';
import { serviceRoot } from './service-paths.ts';
import type { ServiceState } from './service-state.ts';
import { writeIndicatorLed, writeLocationIndicator } from './system-routes.ts';

export function chassisRoutes({ paths }: ServiceState): Route[] {
  const all = `${serviceRoot}/Chassis`;
  const { chassis } = paths;
  return [
    { kind: 'chassisCollection', path: all, get: () => collection(all, 'Chassis', [chassis]) },
    {
      kind: 'chassis',
      path: chassis,
      get: ({ state }) => describeChassis(state),
      patch: { IndicatorLED: writeIndicatorLed, LocationIndicatorActive: writeLocationIndicator },
    },
    { kind: 'thermal', path: `${chassis}/Thermal`, get: ({ state }) => describeThermal(state, `${chassis}/Thermal`) },
    { kind: 'power', path: `${chassis}/Power`, get: ({ state }) => describePower(state, `${chassis}/Power`) },
    {
      kind: 'sensors',
      path: `${chassis}/Sensors`,
      get: ({ state }) =>
        collection(
          `${chassis}/Sensors`,
          'Sensor',
          analogSensors(state).map((sensor) => `${chassis}/Sensors/${idOf(sensor)}`),
        ),
    },
    { kind: 'sensor', path: `${chassis}/Sensors/{}`, get: (call) => describeSensor(call, chassis) },
    {
      kind: 'thermalSubsystem',
      path: `${chassis}/ThermalSubsystem`,
      get: () => ({
        ...head(`${chassis}/ThermalSubsystem`, 'ThermalSubsystem.v1_0_0.ThermalSubsystem', 'Thermal Subsystem'),
        Status: healthy,
      }),
    },
  ];
}

function describeChassis({ bmcModel, paths }: ServiceState): Resource {
  const { identity, indicator, chassis } = bmcModel;
  return {
    ...head(paths.chassis, 'Chassis.v1_15_0.Chassis', 'Chassis'),
    ChassisType: 'RackMount',
    Manufacturer: identity.manufacturer,
    Model: identity.product,
    SerialNumber: identity.serial,
    PartNumber: identity.partNumber,
    PowerState: chassis.power() === 'on' ? 'On' : 'Off',
    IndicatorLED: { on: 'Lit', off: 'Off', blinking: 'Blinking' }[indicator],
    LocationIndicatorActive: indicator !== 'off',
    Status: healthy,
    Thermal: link(`${paths.chassis}/Thermal`),
    Power: link(`${paths.chassis}/Power`),
    Sensors: link(`${paths.chassis}/Sensors`),
    ThermalSubsystem: link(`${paths.chassis}/ThermalSubsystem`),
    Links: { ComputerSystems: [link(paths.system)], ManagedBy: [link(paths.manager)] },
  };
}

function analogSensors({ bmcModel }: ServiceState): AnalogSensor[] {
  return bmcModel.sensors.filter((sensor) => sensor.kind === 'analog');
}

function idOf({ name }: AnalogSensor): string {
  return name.replace(/[^A-Za-z0-9]+/g, '_');
}

function read(sensor: AnalogSensor): number | null {
  const value = sensor.read();
  return value === null ? null : Math.round(value * 1000) / 1000;
}

type Level = 'lower caution' | 'lower critical' | 'lower fatal' | 'upper caution' | 'upper critical' | 'upper fatal';
const levelNames: Readonly<Record<ThresholdName, Level>> = {
  lnc: 'lower caution',
  lc: 'lower critical',
  lnr: 'lower fatal',
  unc: 'upper caution',
  uc: 'upper critical',
  unr: 'upper fatal',
};
/** Names in Thermal and Power, and in Sensor. */
const thresholdNames: Readonly<Record<Level, readonly [old: string, new: string]>> = {
  'lower caution': ['LowerThresholdNonCritical', 'LowerCaution'],
  'lower critical': ['LowerThresholdCritical', 'LowerCritical'],
  'lower fatal': ['LowerThresholdFatal', 'LowerFatal'],
  'upper caution': ['UpperThresholdNonCritical', 'UpperCaution'],
  'upper critical': ['UpperThresholdCritical', 'UpperCritical'],
  'upper fatal': ['UpperThresholdFatal', 'UpperFatal'],
};

function oldThresholds({ thresholds }: AnalogSensor): Resource {
  const entries = Object.entries(thresholds) as [ThresholdName, number][];
  return Object.fromEntries(entries.map(([name, value]) => [thresholdNames[levelNames[name]][0], value]));
}

function newThresholds({ thresholds }: AnalogSensor): Resource {
  const entries = Object.entries(thresholds) as [ThresholdName, number][];
  return Object.fromEntries(entries.map(([name, value]) => [thresholdNames[levelNames[name]][1], { Reading: value }]));
}

function statusOf(sensor: AnalogSensor): Resource {
  const value = sensor.read();
  if (value === null) return { State: 'UnavailableOffline' };
  const { lc, lnr, lnc, uc, unr, unc } = sensor.thresholds;
  const isBeyond = (low: number | undefined, high: number | undefined) =>
    (low !== undefined && value <= low) || (high !== undefined && value >= high);
  const isCritical = isBeyond(lc, uc) || isBeyond(lnr, unr);
  return { State: 'Enabled', Health: isCritical ? 'Critical' : isBeyond(lnc, unc) ? 'Warning' : 'OK' };
}

function members(state: ServiceState, path: string, type: AnalogSensor['type'], reading: (value: number | null) => Resource) {
  return analogSensors(state)
    .filter((sensor) => sensor.type === type)
    .map((sensor, index) => ({
      '@odata.id': `${path}/${index}`,
      MemberId: String(index),
      Name: sensor.name,
      SensorNumber: index,
      Status: statusOf(sensor),
      ...reading(read(sensor)),
      ...(type === 'power' ? {} : oldThresholds(sensor)),
    }));
}

function describeThermal(state: ServiceState, path: string): Resource {
  return {
    ...head(path, 'Thermal.v1_7_0.Thermal', 'Thermal'),
    Temperatures: members(state, `${path}#/Temperatures`, 'temperature', (value) => ({
      ReadingCelsius: value,
      PhysicalContext: 'SystemBoard',
    })),
    Fans: members(state, `${path}#/Fans`, 'fan', (value) => ({
      Reading: value === null ? null : Math.round(value),
      ReadingUnits: 'RPM',
    })),
  };
}

function describePower(state: ServiceState, path: string): Resource {
  const supplies = members(state, `${path}#/PowerSupplies`, 'power', (value) => ({ PowerInputWatts: value }));
  const watts = supplies.reduce((sum, supply) => sum + Number((supply as Resource)['PowerInputWatts'] ?? 0), 0);
  return {
    ...head(path, 'Power.v1_7_0.Power', 'Power'),
    PowerControl: [
      { '@odata.id': `${path}#/PowerControl/0`, MemberId: '0', Name: 'System Power', PowerConsumedWatts: watts, Status: healthy },
    ],
    Voltages: members(state, `${path}#/Voltages`, 'voltage', (value) => ({ ReadingVolts: value })),
    PowerSupplies: supplies.map(({ SensorNumber: _, ...supply }) => supply),
  };
}

const readingTypes: Readonly<Record<AnalogSensor['type'], readonly [type: string, unit: string]>> = {
  temperature: ['Temperature', 'Cel'],
  fan: ['Rotational', 'RPM'],
  voltage: ['Voltage', 'V'],
  power: ['Power', 'W'],
};

function describeSensor(call: Call, chassis: string): Resource {
  const sensor = analogSensors(call.state).find((candidate) => idOf(candidate) === call.ids[0]);
  if (!sensor) throw missing(call);
  const [type, unit] = readingTypes[sensor.type];
  return {
    ...head(`${chassis}/Sensors/${idOf(sensor)}`, 'Sensor.v1_2_0.Sensor', sensor.name),
    ReadingType: type,
    ReadingUnits: unit,
    Reading: read(sensor),
    Status: statusOf(sensor),
    Thresholds: newThresholds(sensor),
  };
}
