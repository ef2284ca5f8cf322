/** Entries of the system event log: IPMI 2.0 rev 1.1 section 32. */
import { describeState, eventTypes, type Severity } from './event-states.ts';
import { describeSensorType } from './sensor-types.ts';
import { firstRealTime, unknownTime } from './storage-commands.ts';

export const selRecordLength = 16;
export const selRecordTypes = { systemEvent: 0x02 } as const;
/** First of the OEM record types with a timestamp (to DFh); from E0h on they have none. */
const firstOemTimed = 0xc0;
const firstOemTimeless = 0xe0;

export type SelEvent = {
  /** Event generator: slave address or software id, and its logical unit. */
  readonly owner: number;
  readonly lun: number;
  readonly sensorType: number;
  readonly number: number;
  readonly eventType: number;
  readonly asserted: boolean;
  readonly offset: number;
  /** Raw reading and threshold; only for threshold events. */
  readonly reading?: number;
  readonly threshold?: number;
  /** Event data 1 to 3. */
  readonly data: Buffer;
};

export type SelRecord = {
  readonly id: number;
  readonly type: number;
  /** Seconds since 1970; null = the BMC's clock was not set. */
  readonly at: number | null;
  readonly event?: SelEvent;
  /** Of an OEM record: its bytes after the timestamp. */
  readonly oem?: Buffer;
};

/** @param bytes 16; missing ones count as zero, because some BMCs truncate entries */
export function decodeSelRecord(bytes: Uint8Array): SelRecord {
  const record = Buffer.alloc(selRecordLength);
  record.set(bytes.subarray(0, selRecordLength));
  const id = record.readUInt16LE(0);
  const type = record.readUInt8(2);
  if (type >= firstOemTimeless) return { id, type, at: null, oem: record.subarray(3) };
  const at = decodeTime(record.readUInt32LE(3));
  if (type >= firstOemTimed) return { id, type, at, oem: record.subarray(7) };
  return { id, type, at, event: decodeEvent(record.subarray(7)) };
}

/** Section 37.1: values below 20000000h are seconds since the BMC started. */
export function decodeTime(seconds: number): number | null {
  return seconds === unknownTime || seconds < firstRealTime ? null : seconds;
}

/** Table 32-1, from byte 8 on; event data as in table 29-6. */
function decodeEvent(bytes: Buffer): SelEvent {
  const [owner = 0, unit = 0, , sensorType = 0, number = 0, direction = 0, data1 = 0, data2 = 0, data3 = 0] = bytes;
  const eventType = direction & 0x7f;
  const isThreshold = eventType === eventTypes.threshold;
  return {
    owner,
    lun: unit & 0x03,
    sensorType,
    number,
    eventType,
    asserted: (direction & 0x80) === 0,
    offset: data1 & 0x0f,
    // Two upper bits 01b: the byte is the trigger reading; the next two bits 01b: the trigger threshold.
    ...(isThreshold && data1 >> 6 === 1 && { reading: data2 }),
    ...(isThreshold && ((data1 >> 4) & 0x03) === 1 && { threshold: data3 }),
    data: bytes.subarray(6, 9),
  };
}

/** The text of an event, without the sensor's name and values. */
export function describeEvent({ eventType, sensorType, offset, asserted, data }: SelEvent): {
  words: string;
  severity: Severity;
} {
  const isVendors = eventType >= 0x70;
  const state = isVendors
    ? { words: `OEM event ${data.toString('hex')}`, severity: 'ok' as const }
    : describeState({ eventType, sensorType, offset });
  const detail = describeDetail({ eventType, sensorType, offset, data });
  const words = `${state.words}${detail && `: ${detail}`}${asserted ? '' : ' (deasserted)'}`;
  return { words, severity: asserted ? state.severity : 'ok' };
}

/** Table 42-3, event data 2 and 3 of system firmware (0Fh): the progress code. */
const firmwareErrors = [
  'unspecified',
  'no system memory installed',
  'no usable system memory',
  'unrecoverable hard disk device failure',
  'unrecoverable system board failure',
  'unrecoverable diskette failure',
  'unrecoverable hard disk controller failure',
  'unrecoverable keyboard failure',
  'removable boot media not found',
  'unrecoverable video controller failure',
  'no video device detected',
  'firmware corruption detected',
  'CPU voltage mismatch',
  'CPU speed mismatch',
];
const firmwareSteps = [
  'unspecified',
  'memory initialization',
  'hard disk initialization',
  'secondary processor initialization',
  'user authentication',
  'user-initiated system setup',
  'USB resource configuration',
  'PCI resource configuration',
  'option ROM initialization',
  'video initialization',
  'cache initialization',
  'SM bus initialization',
  'keyboard controller initialization',
  'management controller initialization',
  'docking station attachment',
  'enabling docking station',
  'docking station ejection',
  'disabling docking station',
  'calling operating system wake-up vector',
  'starting operating system boot',
  'baseboard initialization',
  undefined,
  'floppy initialization',
  'keyboard test',
  'pointing device test',
  'primary processor initialization',
];

const firmware = 0x0f;

function describeDetail({
  eventType,
  sensorType,
  offset,
  data,
}: Pick<SelEvent, 'eventType' | 'sensorType' | 'offset' | 'data'>): string {
  const [data1 = 0, data2 = 0] = data;
  // Two upper bits 11b: the sensor type defines byte 2.
  if (eventType !== eventTypes.sensorSpecific || sensorType !== firmware || data1 >> 6 !== 3) return '';
  return (offset === 0 ? firmwareErrors : firmwareSteps)[data2] ?? '';
}

/** `fan event` for a sensor without a record. */
export function nameSource({ sensorType, number }: Pick<SelEvent, 'sensorType' | 'number'>): string {
  return `${describeSensorType(sensorType)} ${number.toString(16).toUpperCase().padStart(2, '0')}h`;
}
