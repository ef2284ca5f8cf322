/** Sensor data records: IPMI 2.0 rev 1.1 section 43. Offsets are the tables' byte numbers minus one. */
import { eventTypes } from './event-states.ts';
import { analogFormats, decodeFactors, type Formula } from './sensor-formulas.ts';
import type { SensorUnits } from './sensor-units.ts';
import { decodeText, printable } from './type-length-text.ts';

export const sdrTypes = { full: 0x01, compact: 0x02, eventOnly: 0x03, fruLocator: 0x11, controllerLocator: 0x12 } as const;
export const sdrHeaderLength = 5;
export const sdrVersion = 0x51;

export type SdrHeader = { readonly id: number; readonly version: number; readonly type: number; readonly length: number };

/** In the order of the mask bits. */
export const thresholdKeys = ['lnc', 'lc', 'lnr', 'unc', 'uc', 'unr'] as const;
export type ThresholdKey = (typeof thresholdKeys)[number];

export type SensorKey = { readonly owner: number; readonly lun: number; readonly number: number };

/** One sensor; a record shared by several sensors becomes several of these. */
export type SensorRecord = SensorKey & {
  readonly kind: 'sensor';
  readonly name: string;
  readonly entity: { readonly id: number; readonly instance: number };
  readonly sensorType: number;
  readonly eventType: number;
  /** False: the sensor is event-only and has no reading. */
  readonly readable: boolean;
  /** Only for sensors with numeric readings. */
  readonly analog?: {
    readonly formula: Formula;
    readonly units: SensorUnits;
    /** Raw default values from the record, of the readable thresholds. */
    readonly thresholds: Readonly<Partial<Record<ThresholdKey, number>>>;
    /** Whether Get Sensor Thresholds returns the current values. */
    readonly asksThresholds: boolean;
  };
};

export type FruLocator = { readonly kind: 'fru'; readonly name: string; readonly device: number; readonly lun: number };
export type ControllerLocator = { readonly kind: 'controller'; readonly name: string; readonly address: number };
/** Reported and skipped. */
export type OddRecord = { readonly kind: 'odd'; readonly reason: string };
export type SdrRecord = SensorRecord | FruLocator | ControllerLocator | OddRecord;

/** @param bytes at least `sdrHeaderLength` */
export function decodeSdrHeader(bytes: Uint8Array): SdrHeader {
  const [low = 0, high = 0, version = 0, type = 0, length = 0] = bytes;
  return { id: low | (high << 8), version, type, length };
}

/** Never throws: an invalid record has kind `odd`. Record types that are not used give nothing. */
export function decodeSdr(bytes: Buffer): SdrRecord[] {
  const { id, type } = decodeSdrHeader(bytes);
  const row = recordTable[type];
  if (!row) return [];
  if (bytes.length <= row.text) {
    const reason = `record ${id} of type ${type} ends after ${bytes.length} bytes, before its name`;
    return [{ kind: 'odd', reason }];
  }
  return row.decode(bytes, decodeName(bytes, row.text));
}

/** `text`: offset of the name's type/length byte. */
const recordTable: Readonly<Record<number, { text: number; decode(bytes: Buffer, name: string): SdrRecord[] }>> = {
  [sdrTypes.full]: { text: 47, decode: (bytes, name) => [decodeFull(bytes, name)] },
  [sdrTypes.compact]: { text: 31, decode: (bytes, name) => share(decodeCommon(bytes, name), bytes.subarray(23, 25)) },
  [sdrTypes.eventOnly]: { text: 16, decode: (bytes, name) => share(decodeEventOnly(bytes, name), bytes.subarray(12, 14)) },
  [sdrTypes.fruLocator]: { text: 15, decode: decodeFruLocator },
  [sdrTypes.controllerLocator]: {
    text: 15,
    decode: (bytes, name) => [{ kind: 'controller', name, address: at(bytes, 5) }],
  },
};

/** Section 43.15: five bits of length. Some BMCs give a length beyond the end of the record. */
function decodeName(bytes: Buffer, text: number): string {
  const typeLength = at(bytes, text);
  const data = bytes.subarray(text + 1, text + 1 + (typeLength & 0x1f));
  return printable(decodeText(typeLength >> 6, data, 'unicode'));
}

/** Tables 43-1 and 43-2 are identical up to the units. */
function decodeCommon(bytes: Buffer, name: string): SensorRecord {
  return { ...decodeHead(bytes, { name, types: 12 }), readable: true };
}

function decodeEventOnly(bytes: Buffer, name: string): SensorRecord {
  return { ...decodeHead(bytes, { name, types: 10 }), readable: false };
}

/** @param place `types`: offset of the sensor type, followed by the event type */
function decodeHead(bytes: Buffer, { name, types }: { name: string; types: number }): Omit<SensorRecord, 'readable'> {
  const key = decodeKey(bytes);
  return {
    kind: 'sensor',
    ...key,
    name: name || `sensor ${key.number}`,
    entity: { id: at(bytes, 8), instance: at(bytes, 9) & 0x7f },
    sensorType: at(bytes, types),
    eventType: at(bytes, types + 1) & 0x7f,
  };
}

function decodeKey(bytes: Buffer): SensorKey {
  return { owner: at(bytes, 5), lun: at(bytes, 6) & 0x03, number: at(bytes, 7) };
}

function decodeFull(bytes: Buffer, name: string): SensorRecord {
  const common = decodeCommon(bytes, name);
  const units = at(bytes, 20);
  const format = analogFormats[units >> 6] ?? 'none';
  // A full record of a discrete sensor gives no number, whatever its other bytes contain: section 43.1, byte 21.
  if (format === 'none' || (common.eventType !== eventTypes.threshold && at(bytes, 21) === 0 && !(units & 1))) return common;
  return {
    ...common,
    analog: {
      formula: { format, linearization: at(bytes, 23) & 0x7f, factors: decodeFactors(bytes.subarray(24, 30)) },
      units: {
        base: at(bytes, 21),
        modifier: at(bytes, 22),
        combination: (units >> 1) & 0x03,
        rate: (units >> 3) & 0x07,
        percentage: (units & 1) === 1,
      },
      ...decodeThresholds(bytes, common.eventType),
    },
  };
}

/** Byte 12, bits 3 and 2: threshold access support. */
const thresholdAccess = { none: 0, readable: 1, settable: 2, fixed: 3 } as const;
/** Offsets in table 43-1 of the thresholds, indexed by bit of the readable mask. */
const thresholdPlaces = [41, 40, 39, 38, 37, 36];

function decodeThresholds(bytes: Buffer, eventType: number) {
  const access = (at(bytes, 11) >> 2) & 0x03;
  if (eventType !== eventTypes.threshold || access === thresholdAccess.none) return { thresholds: {}, asksThresholds: false };
  const readable = at(bytes, 18);
  const present = thresholdKeys.flatMap((key, bit) =>
    (readable >> bit) & 1 ? [[key, at(bytes, thresholdPlaces[bit] as number)] as const] : [],
  );
  return { thresholds: Object.fromEntries(present), asksThresholds: access !== thresholdAccess.fixed };
}

/** Table 43-2, bytes 24 and 25: one record for several sensors with consecutive numbers. */
function share(record: SensorRecord, [how = 0, then = 0]: Uint8Array): SensorRecord[] {
  const count = how & 0x0f;
  if (count <= 1) return [record];
  const offset = then & 0x7f;
  const suffix = ((how >> 4) & 0x03) === 1 ? letters : String;
  return Array.from({ length: count }, (_, index) => ({
    ...record,
    name: `${record.name} ${suffix(offset + index)}`,
    number: (record.number + index) & 0xff,
    entity: { ...record.entity, instance: record.entity.instance + (then & 0x80 ? index : 0) },
  }));
}

/** 0 is A, 26 is AA. */
function letters(index: number): string {
  const last = String.fromCharCode(65 + (index % 26));
  return index < 26 ? last : letters(Math.floor(index / 26) - 1) + last;
}

/** Table 43-7. A logical device has a number; a physical device is reached through a bus: not supported. */
function decodeFruLocator(bytes: Buffer, name: string): SdrRecord[] {
  const isLogical = (at(bytes, 7) & 0x80) !== 0;
  const address = at(bytes, 5) & 0xfe;
  if (!isLogical || address !== 0x20) return [];
  return [{ kind: 'fru', name: name || `FRU ${at(bytes, 6)}`, device: at(bytes, 6), lun: (at(bytes, 7) >> 3) & 0x03 }];
}

function at(bytes: Buffer, index: number): number {
  return bytes[index] ?? 0;
}
