/** Sensors, and the device SDRs of a BMC without a repository: IPMI 2.0 rev 1.1 section 35. */
import { bits, bytes, nothing, optional, rest, struct, u8, u32, type ValueOf } from '../bytes/fields.ts';
import type { Command } from './command.ts';
import { netFns } from './message.ts';
import { type GetSdr, type Reservation, reserveSdrRepository, sdrPart, sdrQuery } from './storage-commands.ts';

const deviceSdrInfo = struct({
  count: u8,
  flags: bits({ lun0: [0], lun1: [1], lun2: [2], lun3: [3], dynamic: [7] }),
  /** Only for a dynamic population: changes with it. */
  changed: optional(u32),
});

/** Section 35.2. */
export const getDeviceSdrInfo: Command<Record<never, never>, ValueOf<typeof deviceSdrInfo>> = {
  name: 'Get Device SDR Info',
  netFn: netFns.sensor,
  command: 0x20,
  privilege: 'user',
  request: nothing,
  response: deviceSdrInfo,
};

/** Section 35.3. */
export const getDeviceSdr: GetSdr = {
  name: 'Get Device SDR',
  netFn: netFns.sensor,
  command: 0x21,
  privilege: 'user',
  request: sdrQuery,
  response: sdrPart,
  completionCodes: { 128: 'the record changed' },
};

/** Section 35.4. */
export const reserveDeviceSdrs: Command<Record<never, never>, Reservation> = {
  ...reserveSdrRepository,
  name: 'Reserve Device SDR Repository',
  netFn: netFns.sensor,
};

const factorsQuery = struct({ sensor: u8, reading: u8 });

/** Section 35.5. `factors`: six bytes laid out as bytes 25 to 30 of a full sensor record, table 43-1. */
export const getSensorReadingFactors: Command<ValueOf<typeof factorsQuery>, { next: number; factors: Buffer }> = {
  name: 'Get Sensor Reading Factors',
  netFn: netFns.sensor,
  command: 0x23,
  privilege: 'user',
  request: factorsQuery,
  response: struct({ next: u8, factors: bytes(6) }),
};

const sensorNumber = struct({ sensor: u8 });
export type SensorNumber = ValueOf<typeof sensorNumber>;

const hysteresis = struct({ positive: u8, negative: u8 });

/** Section 35.7. */
export const getSensorHysteresis: Command<SensorNumber & { mask: number }, ValueOf<typeof hysteresis>> = {
  name: 'Get Sensor Hysteresis',
  netFn: netFns.sensor,
  command: 0x25,
  privilege: 'user',
  request: struct({ sensor: u8, mask: u8 }),
  response: hysteresis,
};

const thresholdMask = bits({ lnc: [0], lc: [1], lnr: [2], unc: [3], uc: [4], unr: [5] });
const thresholds = struct({ readable: thresholdMask, lnc: u8, lc: u8, lnr: u8, unc: u8, uc: u8, unr: u8 });
export type RawThresholds = ValueOf<typeof thresholds>;

/** Section 35.9. */
export const getSensorThresholds: Command<SensorNumber, RawThresholds> = {
  name: 'Get Sensor Thresholds',
  netFn: netFns.sensor,
  command: 0x27,
  privilege: 'user',
  request: sensorNumber,
  response: thresholds,
};

const eventEnable = struct({ flags: bits({ messages: [7], scanning: [6] }), masks: rest });

/** Section 35.11. */
export const getSensorEventEnable: Command<SensorNumber, ValueOf<typeof eventEnable>> = {
  name: 'Get Sensor Event Enable',
  netFn: netFns.sensor,
  command: 0x29,
  privilege: 'user',
  request: sensorNumber,
  response: eventEnable,
};

const reading = struct({
  value: u8,
  flags: bits({ messages: [7], scanning: [6], unavailable: [5] }),
  /** Threshold comparison status, or states 0 to 7; then states 8 to 14. */
  states: optional(u8),
  moreStates: optional(u8),
});
export type SensorReading = ValueOf<typeof reading>;

/** Section 35.14. */
export const getSensorReading: Command<SensorNumber, SensorReading> = {
  name: 'Get Sensor Reading',
  netFn: netFns.sensor,
  command: 0x2d,
  privilege: 'user',
  // Controllers with Facebook's OpenBIC return node busy for the sensor of a missing part.
  mostBusy: 2,
  request: sensorNumber,
  response: reading,
};
