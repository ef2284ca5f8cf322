/** The sensor data records of a board: IPMI 2.0 rev 1.1 tables 43-1 to 43-3, 43-7 and 43-8. */
import { eventTypes } from '#wire/ipmi/event-states.ts';
import { bmcAddress } from '#wire/ipmi/message.ts';
import { sdrTypes, sdrVersion, type ThresholdKey, thresholdKeys } from '#wire/ipmi/sdr-records.ts';
import { encodeFactors } from '#wire/ipmi/sensor-formulas.ts';
import { encodeLatin } from '#wire/ipmi/type-length-text.ts';
import type { AnalogSensor, BmcModelSensor, DiscreteSensor } from '../bmc-model.ts';
import { codingOf, formatCode, toRaw } from './sensor-coding.ts';

/** Sensor type codes of table 42-3, and unit codes of table 43-15. */
export const analogTypes = { temperature: 0x01, voltage: 0x02, fan: 0x04, power: 0x0b } as const;
const units = { '°C': 1, V: 4, W: 6, rpm: 18 } as const;

/** Entity ids of table 43-13: the component that each type of sensor monitors. */
const entities: Readonly<Record<number, number>> = { 1: 0x07, 2: 0x07, 4: 0x1d, 8: 0x0a, 11: 0x0a, 13: 0x04 };
const systemBoard = 0x07;
const nameLimit = 16;

/** IPMI's number of a sensor of the board. */
export function numberOf(index: number): number {
  return index + 1;
}

/** All records; a record's id is its position, from 1. */
export function encodeSdrs(sensors: readonly BmcModelSensor[], product: string): Buffer[] {
  const bodies = sensors.flatMap((sensor, index) => {
    const body = encodeSensor(sensors, sensor, index);
    return body ? [body] : [];
  });
  const all = [...bodies, fruLocator(product), controllerLocator()];
  return all.map(({ type, body }, index) => {
    const id = index + 1;
    return Buffer.concat([Buffer.of(id & 0xff, id >> 8, sdrVersion, type, body.length), body]);
  });
}

type Body = { readonly type: number; readonly body: Buffer };

function encodeSensor(sensors: readonly BmcModelSensor[], sensor: BmcModelSensor, index: number): Body | undefined {
  if (sensor.kind === 'analog') return full(sensor, index);
  if (sensor.kind === 'event-only') return eventOnly(sensor, index);
  if (!sensor.sharedName) return compact(sensor, index, { name: sensor.name, how: 1, offset: 0 });
  const shares = (other: BmcModelSensor | undefined) => other?.kind === 'discrete' && other.sharedName === sensor.sharedName;
  if (shares(sensors[index - 1])) return undefined;
  const last = sensors.findIndex((other, at) => at > index && !shares(other));
  const count = (last < 0 ? sensors.length : last) - index;
  const first = Number(/\d+$/.exec(sensor.name)?.[0] ?? 0);
  return compact(sensor, index, { name: sensor.sharedName.trim(), how: count, offset: 0x80 | first });
}

/** Bytes 6 to 14, identical in full and compact records. */
function common(
  index: number,
  typeCode: number,
  { eventType, capabilities }: { eventType: number; capabilities: number },
): Buffer {
  const entity = entities[typeCode] ?? systemBoard;
  // Scanning, events, hysteresis as made: all on.
  return Buffer.of(bmcAddress, 0, numberOf(index), entity, numberOf(index), 0x7f, capabilities, typeCode, eventType);
}

/** Automatic re-arm; thresholds are readable (01b). */
const analogCapabilities = 0x40 | (1 << 2);
const discreteCapabilities = 0x40;

function full(sensor: AnalogSensor, index: number): Body {
  const coding = codingOf(sensor);
  const raw = (key: ThresholdKey) => toRaw(sensor.thresholds[key] ?? 0, coding);
  const readable = thresholdKeys.reduce((mask, key, bit) => mask | (key in sensor.thresholds ? 1 << bit : 0), 0);
  const kind = { eventType: eventTypes.threshold, capabilities: analogCapabilities };
  const comparisons = Buffer.of(0, (readable & 0x07) << 4, 0, ((readable >> 3) & 0x07) << 4, readable, 0);
  const nominal = toRaw(sensor.read() ?? 0, coding);
  const body = Buffer.concat([
    common(index, analogTypes[sensor.type], kind),
    comparisons,
    Buffer.of(formatCode(coding.format) << 6, units[sensor.unit], 0, coding.linearization),
    encodeFactors(coding.factors(nominal)),
    // No nominal, normal and highest readings; the range is that of the byte.
    Buffer.of(0, nominal, 0, 0, coding.format === 'unsigned' ? 0xff : 0x7f, coding.format === 'unsigned' ? 0 : 0x80),
    Buffer.of(raw('unr'), raw('uc'), raw('unc'), raw('lnr'), raw('lc'), raw('lnc')),
    Buffer.of(1, 1, 0, 0, 0),
    encodeLatin(sensor.name, nameLimit),
  ]);
  return { type: sdrTypes.full, body };
}

function compact({ typeCode }: DiscreteSensor, index: number, share: { name: string; how: number; offset: number }): Body {
  const kind = { eventType: eventTypes.sensorSpecific, capabilities: discreteCapabilities };
  const states = Buffer.of(0xff, 0x01, 0xff, 0x01, 0xff, 0x01);
  const noNumber = 0xc0;
  const body = Buffer.concat([
    common(index, typeCode, kind),
    states,
    Buffer.of(noNumber, 0, 0, share.how, share.offset, 0, 0, 0, 0, 0, 0),
    encodeLatin(share.name, nameLimit),
  ]);
  return { type: sdrTypes.compact, body };
}

function eventOnly({ name, typeCode }: { name: string; typeCode: number }, index: number): Body {
  const head = Buffer.of(bmcAddress, 0, numberOf(index), systemBoard, numberOf(index), typeCode, eventTypes.sensorSpecific);
  return { type: sdrTypes.eventOnly, body: Buffer.concat([head, Buffer.of(1, 0, 0, 0), encodeLatin(name, nameLimit)]) };
}

/** Logical device 0: the board itself. Device type 10h: logical FRU device, table 43-12. */
function fruLocator(product: string): Body {
  const head = Buffer.of(bmcAddress, 0, 0x80, 0, 0, 0x10, 0, systemBoard, 1, 0);
  return { type: sdrTypes.fruLocator, body: Buffer.concat([head, encodeLatin(product.slice(0, nameLimit), nameLimit)]) };
}

/** Device support: chassis, FRU, SEL, SDR repository and sensors, as in Get Device ID. */
function controllerLocator(): Body {
  const head = Buffer.of(bmcAddress, 0, 0, 0x8f, 0, 0, 0, 0x2e, 1, 0);
  return { type: sdrTypes.controllerLocator, body: Buffer.concat([head, encodeLatin('BMC', nameLimit)]) };
}
