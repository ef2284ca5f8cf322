/** Converts the sensor resources of services to Ingot's sensors: tables of types and units. */
import type { Json, Resource } from '#wire/redfish/redfish-client.ts';
import type { Sensor, ThresholdName } from '../interfaces.ts';
import { at, numberAt, rowOf, textAt } from './resource-fields.ts';

/** A sensor and the path of its resource, which identifies duplicates. */
export type FoundSensor = { readonly path: string | undefined; readonly sensor: Sensor };

type Kind = { readonly type: string; readonly unit: string | null };

/** DSP0268 schema Sensor, `ReadingType`. The schema defines the unit of each type. */
const kindTable: Readonly<Record<string, Kind>> = {
  Temperature: { type: 'temperature', unit: '°C' },
  Voltage: { type: 'voltage', unit: 'V' },
  Current: { type: 'current', unit: 'A' },
  Power: { type: 'power', unit: 'W' },
  Rotational: { type: 'fan', unit: 'rpm' },
  Percent: { type: 'percent', unit: '%' },
  Humidity: { type: 'humidity', unit: '%' },
  Frequency: { type: 'frequency', unit: 'Hz' },
  EnergykWh: { type: 'energy', unit: 'kWh' },
  EnergyWh: { type: 'energy', unit: 'Wh' },
  EnergyJoules: { type: 'energy', unit: 'J' },
};

/** `ReadingUnits` (UCUM, or RPM in old services), used if there is no type; and the unit to display. */
const unitTable: Readonly<Record<string, { readonly unit: string; readonly reading: string }>> = {
  Cel: { unit: '°C', reading: 'Temperature' },
  RPM: { unit: 'rpm', reading: 'Rotational' },
  '{rev}/min': { unit: 'rpm', reading: 'Rotational' },
  V: { unit: 'V', reading: 'Voltage' },
  A: { unit: 'A', reading: 'Current' },
  W: { unit: 'W', reading: 'Power' },
  '%': { unit: '%', reading: 'Percent' },
  Percent: { unit: '%', reading: 'Percent' },
  Hz: { unit: 'Hz', reading: 'Frequency' },
  'kW.h': { unit: 'kWh', reading: 'EnergykWh' },
};

/** Schema Sensor, `Thresholds`; user-defined thresholds are left out, since they do not describe the hardware. */
const thresholdTable: Readonly<Record<string, ThresholdName>> = {
  LowerCaution: 'lower non-critical',
  LowerCritical: 'lower critical',
  LowerFatal: 'lower non-recoverable',
  UpperCaution: 'upper non-critical',
  UpperCritical: 'upper critical',
  UpperFatal: 'upper non-recoverable',
};

/** Schemas Thermal and Power. */
const oldThresholdTable: Readonly<Record<string, ThresholdName>> = {
  LowerThresholdNonCritical: 'lower non-critical',
  LowerThresholdCritical: 'lower critical',
  LowerThresholdFatal: 'lower non-recoverable',
  UpperThresholdNonCritical: 'upper non-critical',
  UpperThresholdCritical: 'upper critical',
  UpperThresholdFatal: 'upper non-recoverable',
};

const healthTable: Readonly<Record<string, Sensor['status']>> = { OK: 'ok', Warning: 'warning', Critical: 'critical' };

/** Schema Resource, `Status.State`: in these a part has readings. Absent parts are omitted, others have value null. */
const readableStates = [undefined, 'Enabled', 'StandbySpare', 'StandbyOffline', 'InTest', 'Updating', 'Qualified', 'Degraded'];

type Row = {
  resource: Resource;
  kind: Kind;
  value: number | undefined;
  name?: string | undefined;
  table?: typeof thresholdTable;
};

function toRow({ resource, kind, value, name, table = thresholdTable }: Row): Sensor | undefined {
  const state = textAt(resource, 'Status', 'State');
  if (state === 'Absent') return undefined;
  const reading = readableStates.includes(state) && value !== undefined ? value : null;
  return {
    name: (name ?? textAt(resource, 'Name') ?? textAt(resource, 'Id') ?? textAt(resource, 'MemberId') ?? 'sensor').trim(),
    type: kind.type,
    value: reading,
    unit: kind.unit,
    status: rowOf(healthTable, textAt(resource, 'Status', 'Health')) ?? 'unknown',
    states: [],
    thresholds: readThresholds(resource, table, reading),
  };
}

function readThresholds(resource: Resource, table: typeof thresholdTable, reading: number | null): Sensor['thresholds'] {
  const isNew = table === thresholdTable;
  return Object.fromEntries(
    Object.entries(table).flatMap(([key, name]) => {
      const value = isNew ? numberAt(resource, 'Thresholds', key, 'Reading') : numberAt(resource, key);
      return value === undefined || isEmpty(name, value, reading) ? [] : [[name, value]];
    }),
  );
}

/** iLO and Supermicro X10 send 0 for an upper threshold that is not set. */
function isEmpty(name: ThresholdName, value: number, reading: number | null): boolean {
  return value === 0 && name.startsWith('upper') && (reading === null || reading > 0);
}

/** Schema Sensor. */
export function toSensor(resource: Resource): FoundSensor | undefined {
  const sensor = toRow({ resource, kind: kindOf(resource), value: numberAt(resource, 'Reading') });
  return sensor && { path: textAt(resource, '@odata.id'), sensor };
}

function kindOf(resource: Resource): Kind {
  const units = rowOf(unitTable, textAt(resource, 'ReadingUnits'));
  const reading = textAt(resource, 'ReadingType') ?? units?.reading ?? guessReading(resource);
  // Lenovo XCC reports fan speed as AirFlow.
  if (units?.unit === 'rpm') return { type: 'fan', unit: 'rpm' };
  const kind = rowOf(kindTable, reading) ?? { type: wordsOf(reading), unit: textAt(resource, 'ReadingUnits') ?? null };
  const isFan = kind.type === 'percent' && /fan/i.test(`${textAt(resource, 'PhysicalContext')} ${textAt(resource, 'Name')}`);
  return { type: isFan ? 'fan' : kind.type, unit: units?.unit ?? kind.unit };
}

/** iLO 6 has neither type nor unit; all its sensors belong to the "sea of sensors", which are temperatures. */
function guessReading(resource: Resource): string {
  const type = textAt(resource, 'Oem', 'Hpe', '@odata.type') ?? '';
  return type.includes('SeaOfSensors') ? 'Temperature' : 'Other';
}

/** `LiquidLevel` → `liquid level`. */
function wordsOf(name: string): string {
  return name.replace(/(?<=[a-z])(?=[A-Z])/g, ' ').toLowerCase();
}

/** Schema Fan: speed in percent of the maximum, or in revolutions if it says so. */
export function toFanSensor(resource: Resource): FoundSensor | undefined {
  const rpm = numberAt(resource, 'SpeedPercent', 'SpeedRPM');
  const kind = { type: 'fan', unit: rpm === undefined ? '%' : 'rpm' };
  const sensor = toRow({ resource, kind, value: rpm ?? numberAt(resource, 'SpeedPercent', 'Reading') });
  return sensor && { path: textAt(resource, '@odata.id'), sensor };
}

/** A power supply has no single reading; its health is reported. Schemas PowerSupply, and Power `PowerSupplies`. */
export function toSupply(resource: Resource): FoundSensor | undefined {
  const sensor = toRow({ resource, kind: { type: 'power supply', unit: null }, value: undefined });
  return sensor && { path: textAt(resource, '@odata.id'), sensor: { ...sensor, states: ['presence detected'] } };
}

/** A sensor excerpt: the reading and its data source. */
export function toMetric(excerpt: Json | undefined, kind: 'temperature' | 'power', fallback: string): FoundSensor | undefined {
  const value = numberAt(excerpt, 'Reading');
  if (value === undefined) return undefined;
  const unit = kind === 'power' ? 'W' : '°C';
  const name = textAt(excerpt, 'DeviceName') ?? fallback;
  const sensor: Sensor = { name, type: kind, value, unit, status: 'unknown', states: [], thresholds: {} };
  return { path: textAt(excerpt, 'DataSourceUri'), sensor };
}

/** PowerControl has no name on iLO. */
export const systemPower = 'System power';

type OldType = 'temperature' | 'fan' | 'voltage' | 'power';

/** The reading fields of each array of Thermal and Power. */
const oldTable: Readonly<Record<OldType, { readonly fields: readonly string[]; readonly unit: string }>> = {
  temperature: { fields: ['ReadingCelsius'], unit: '°C' },
  fan: { fields: ['Reading', 'CurrentReading'], unit: 'rpm' },
  voltage: { fields: ['ReadingVolts'], unit: 'V' },
  power: { fields: ['PowerConsumedWatts'], unit: 'W' },
};

/** One entry of the arrays of Thermal and Power, which has no resource of its own. */
export function toOldSensor(resource: Resource, type: OldType): FoundSensor | undefined {
  const { fields, unit } = oldTable[type];
  const value = fields.map((field) => numberAt(resource, field)).find((reading) => reading !== undefined);
  // OpenBMC has an empty entry if the sensor is missing.
  if (type === 'power' && value === undefined && at(resource, 'Status') === undefined) return undefined;
  const stated = rowOf(unitTable, textAt(resource, 'ReadingUnits') ?? textAt(resource, 'Units'))?.unit;
  const name = textAt(resource, 'Name') ?? textAt(resource, 'FanName') ?? (type === 'power' ? systemPower : undefined);
  const sensor = toRow({ resource, kind: { type, unit: stated ?? unit }, value, name, table: oldThresholdTable });
  return sensor && { path: undefined, sensor };
}
