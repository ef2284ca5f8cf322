import { onUnit } from '#wire/ipmi/asker.ts';
import { type State, statesOf } from '#wire/ipmi/event-states.ts';
import { bmcAddress } from '#wire/ipmi/message.ts';
import { type SensorRecord, type ThresholdKey, thresholdKeys } from '#wire/ipmi/sdr-records.ts';
import { getSensorReading, getSensorReadingFactors, type SensorReading } from '#wire/ipmi/sensor-commands.ts';
import { convertReading, decodeFactors, firstNonLinear } from '#wire/ipmi/sensor-formulas.ts';
import { describeSensorType } from '#wire/ipmi/sensor-types.ts';
import { describeUnits } from '#wire/ipmi/sensor-units.ts';
import type { Sensor, ThresholdName } from '../interfaces.ts';
import { type NodeAsker, oneOfMany } from './ask-node.ts';
import { readIpmiSettings } from './properties.ts';
import type { SensorRecords } from './sensor-records.ts';

const thresholdWords: Readonly<Record<ThresholdKey, ThresholdName>> = {
  lnc: 'lower non-critical',
  lc: 'lower critical',
  lnr: 'lower non-recoverable',
  unc: 'upper non-critical',
  uc: 'upper critical',
  unr: 'upper non-recoverable',
};

/** Reads the sensors one by one. Sensors of other controllers are listed, but cannot be read without bridging. */
export async function readSensors(asker: NodeAsker, records: SensorRecords): Promise<Sensor[]> {
  const sensors: Sensor[] = [];
  for (const record of await records.of(asker)) {
    if (record.kind === 'sensor' && record.readable) sensors.push(await readSensor(asker, records, record));
  }
  return sensors;
}

async function readSensor(asker: NodeAsker, records: SensorRecords, record: SensorRecord): Promise<Sensor> {
  const reading = await askReading(asker, record);
  return record.analog ? readNumber(asker, { records, record, reading }) : readStates(record, reading);
}

/** @returns undefined if there is no reading: not now, not here, or the BMC refuses */
async function askReading(asker: NodeAsker, { owner, lun, number }: SensorRecord): Promise<SensorReading | undefined> {
  if (owner !== ownAddress(asker)) return undefined;
  const reading = await oneOfMany(asker.ask(onUnit(getSensorReading, lun), { sensor: number }));
  return reading && !reading.flags.unavailable && reading.flags.scanning ? reading : undefined;
}

/** Slave address of the controller in use: the bridge target, otherwise the BMC. */
function ownAddress({ node }: NodeAsker): number {
  return readIpmiSettings(node).bridge?.target.address ?? bmcAddress;
}

type Analog = { records: SensorRecords; record: SensorRecord; reading: SensorReading | undefined };

async function readNumber(asker: NodeAsker, { records, record, reading }: Analog): Promise<Sensor> {
  const { analog, name } = record;
  const value = reading && (await convertRaw(asker, record, reading.value));
  const thresholds = await readThresholds(asker, records, record);
  return {
    name,
    type: describeType(record),
    value: value ?? null,
    unit: analog ? describeUnits(analog.units) : null,
    status: value === undefined ? 'unknown' : judge(reading?.states ?? 0, thresholds),
    states: [],
    thresholds,
  };
}

const otherUnits = 0x0b;
const watts = 6;

/** IPMI has no sensor type for power: it is `other units` in watts. */
function describeType({ sensorType, analog }: SensorRecord): string {
  return sensorType === otherUnits && analog?.units.base === watts ? 'power' : describeSensorType(sensorType);
}

/** Thresholds under the contract's names. A threshold outside the domain of the sensor's formula is omitted. */
async function readThresholds(asker: NodeAsker, records: SensorRecords, record: SensorRecord): Promise<Sensor['thresholds']> {
  const { analog, owner } = record;
  if (!analog) return {};
  const present = analog.asksThresholds && owner === ownAddress(asker) ? await records.thresholds(asker, record) : undefined;
  const thresholds: Partial<Record<ThresholdName, number>> = {};
  for (const key of thresholdKeys) {
    const raw = present ? (present.readable[key] ? present[key] : undefined) : analog.thresholds[key];
    const value = raw === undefined ? undefined : await convertRaw(asker, record, raw);
    if (value !== undefined) thresholds[thresholdWords[key]] = value;
  }
  return thresholds;
}

/** A non-linear sensor has different factors for each reading, which are queried: IPMI 2.0 rev 1.1 section 35.5. */
export async function convertRaw(
  asker: NodeAsker,
  { analog, lun, number }: SensorRecord,
  raw: number,
): Promise<number | undefined> {
  if (!analog) return undefined;
  const { formula } = analog;
  if (formula.linearization < firstNonLinear) return round(convertReading(raw, formula));
  const answer = await oneOfMany(asker.ask(onUnit(getSensorReadingFactors, lun), { sensor: number, reading: raw }));
  return round(answer && convertReading(raw, { ...formula, factors: decodeFactors(answer.factors) }));
}

/** Rounds to thousandths, finer than any sensor; tiny values to three significant digits. */
function round(value: number | undefined): number | undefined {
  if (value === undefined) return undefined;
  return Math.abs(value) >= 0.1 ? Math.round(value * 1000) / 1000 : Number(value.toPrecision(3));
}

/** Section 35.14: bits 0 to 5 are the crossed thresholds, in the order of the keys. Only existing thresholds count. */
function judge(states: number, thresholds: Sensor['thresholds']): Sensor['status'] {
  const crossed = thresholdKeys.filter((key, bit) => (states >> bit) & 1 && thresholdWords[key] in thresholds);
  if (crossed.length === 0) return 'ok';
  return crossed.every((key) => key === 'lnc' || key === 'unc') ? 'warning' : 'critical';
}

function readStates({ name, sensorType, eventType }: SensorRecord, reading: SensorReading | undefined): Sensor {
  const bits = reading ? (reading.states ?? 0) | (((reading.moreStates ?? 0) & 0x7f) << 8) : 0;
  const states = statesOf(bits, { eventType, sensorType });
  return {
    name,
    type: describeSensorType(sensorType),
    value: null,
    unit: null,
    status: reading ? worst(states) : 'unknown',
    states: states.map(({ words }) => words),
    thresholds: {},
  };
}

function worst(states: readonly State[]): Sensor['status'] {
  const has = (wanted: State['severity']) => states.some(({ severity }) => severity === wanted);
  return has('critical') ? 'critical' : has('warning') ? 'warning' : 'ok';
}
