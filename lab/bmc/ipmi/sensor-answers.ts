/** Sensors: IPMI 2.0 rev 1.1 section 35. */
import { completionCodes } from '#wire/ipmi/completion-codes.ts';
import { type ThresholdKey, thresholdKeys } from '#wire/ipmi/sdr-records.ts';
import * as rows from '#wire/ipmi/sensor-commands.ts';
import { encodeFactors } from '#wire/ipmi/sensor-formulas.ts';
import type { AnalogSensor, BmcModel, BmcModelSensor } from '../bmc-model.ts';
import { answer, Refusal } from './answer.ts';
import { numberOf } from './sdr-records.ts';
import { codingOf, fromRaw, toRaw } from './sensor-coding.ts';

function findSensor(bmcModel: BmcModel, number: number): Exclude<BmcModelSensor, { kind: 'event-only' }> {
  const sensor = bmcModel.sensors.find((_, index) => numberOf(index) === number);
  if (!sensor || sensor.kind === 'event-only') throw new Refusal(completionCodes.notPresent);
  return sensor;
}

function findAnalog(bmcModel: BmcModel, number: number): AnalogSensor {
  const sensor = findSensor(bmcModel, number);
  if (sensor.kind !== 'analog') throw new Refusal(completionCodes.illegalForSensor);
  return sensor;
}

const working = { messages: true, scanning: true, unavailable: false };

const getSensorReading = answer(rows.getSensorReading, ({ sensor: number }, { bmcModel }) => {
  const sensor = findSensor(bmcModel, number);
  if (sensor.kind === 'discrete') {
    const bits = sensor.read().reduce((mask, offset) => mask | (1 << offset), 0);
    return { value: 0, flags: working, states: bits & 0xff, moreStates: (bits >> 8) | 0x80 };
  }
  const reading = sensor.read();
  if (reading === null) return { value: 0, flags: { ...working, unavailable: true }, states: 0, moreStates: undefined };
  const coding = codingOf(sensor);
  const value = toRaw(reading, coding);
  // Bits 7 and 6 read as 1: section 35.14.
  return { value, flags: working, states: 0xc0 | crossed(sensor, fromRaw(value, coding) ?? 0), moreStates: undefined };
});

/** Compares with the thresholds in their encoded form, so that reading and threshold state agree. */
function crossed(sensor: AnalogSensor, value: number): number {
  const coding = codingOf(sensor);
  return thresholdKeys.reduce((mask, key, bit) => {
    const threshold = sensor.thresholds[key];
    const limit = threshold === undefined ? undefined : fromRaw(toRaw(threshold, coding), coding);
    if (limit === undefined) return mask;
    return (key.startsWith('l') ? value <= limit : value >= limit) ? mask | (1 << bit) : mask;
  }, 0);
}

const getSensorThresholds = answer(rows.getSensorThresholds, ({ sensor: number }, { bmcModel }) => {
  const sensor = findAnalog(bmcModel, number);
  const coding = codingOf(sensor);
  const raw = (key: ThresholdKey) => toRaw(sensor.thresholds[key] ?? 0, coding);
  const has = (key: ThresholdKey) => sensor.thresholds[key] !== undefined;
  return {
    readable: { lnc: has('lnc'), lc: has('lc'), lnr: has('lnr'), unc: has('unc'), uc: has('uc'), unr: has('unr') },
    lnc: raw('lnc'),
    lc: raw('lc'),
    lnr: raw('lnr'),
    unc: raw('unc'),
    uc: raw('uc'),
    unr: raw('unr'),
  };
});

const getSensorReadingFactors = answer(rows.getSensorReadingFactors, ({ sensor: number, reading }, { bmcModel }) => {
  const coding = codingOf(findAnalog(bmcModel, number));
  return { next: reading < coding.bend ? coding.bend : 0, factors: encodeFactors(coding.factors(reading)) };
});

const getSensorHysteresis = answer(rows.getSensorHysteresis, ({ sensor }, { bmcModel }) => {
  findAnalog(bmcModel, sensor);
  return { positive: 1, negative: 1 };
});

const getSensorEventEnable = answer(rows.getSensorEventEnable, ({ sensor }, { bmcModel }) => {
  findSensor(bmcModel, sensor);
  return { flags: { messages: true, scanning: true }, masks: Buffer.alloc(0) };
});

export const sensorAnswers = [
  getSensorReading,
  getSensorThresholds,
  getSensorReadingFactors,
  getSensorHysteresis,
  getSensorEventEnable,
];
