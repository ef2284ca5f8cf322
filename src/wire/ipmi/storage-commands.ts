/** Sensor data records, system event log and FRU data: IPMI 2.0 rev 1.1 sections 31, 33 and 34. */
import { bits, bytes, nothing, optional, rest, struct, u8, u16, u32, type ValueOf } from '../bytes/fields.ts';
import type { Command } from './command.ts';
import { netFns } from './message.ts';

/** Special record ids: the first record, and the end of the list. */
export const firstRecord = 0x0000;
export const lastRecord = 0xffff;

/** An unspecified time; values below `firstRealTime` are seconds since the BMC started. Section 37. */
export const unknownTime = 0xffff_ffff;
export const firstRealTime = 0x2000_0000;

const repositoryInfo = struct({
  version: u8,
  records: u16,
  freeBytes: u16,
  added: u32,
  erased: u32,
  support: bits({ allocationInfo: [0], reserve: [1], partialAdd: [2], deletes: [3], updates: [5, 2], overflow: [7] }),
});
export type RepositoryInfo = ValueOf<typeof repositoryInfo>;

/** Section 33.9. iDRAC10 returns completion code 00h without data if it has no repository. */
export const getSdrRepositoryInfo: Command<Record<never, never>, RepositoryInfo | undefined> = {
  name: 'Get SDR Repository Info',
  netFn: netFns.storage,
  command: 0x20,
  privilege: 'user',
  request: nothing,
  response: optional(repositoryInfo),
};

const reservation = struct({ reservation: u16 });
export type Reservation = ValueOf<typeof reservation>;

/** Section 33.11. */
export const reserveSdrRepository: Command<Record<never, never>, Reservation> = {
  name: 'Reserve SDR Repository',
  netFn: netFns.storage,
  command: 0x22,
  privilege: 'user',
  request: nothing,
  response: reservation,
};

/** `count` FFh: the entire record. Shared with Get Device SDR, section 35.3. */
export const sdrQuery = struct({ reservation: u16, record: u16, offset: u8, count: u8 });
export const sdrPart = struct({ next: u16, data: rest });
export type GetSdr = Command<ValueOf<typeof sdrQuery>, ValueOf<typeof sdrPart>>;

/** Section 33.12. */
export const getSdr: GetSdr = {
  name: 'Get SDR',
  netFn: netFns.storage,
  command: 0x23,
  privilege: 'user',
  request: sdrQuery,
  response: sdrPart,
};

const fruArea = struct({ device: u8 });
const fruAreaInfo = struct({ size: u16, access: bits({ words: [0] }) });

/** Section 34.1. */
export const getFruAreaInfo: Command<ValueOf<typeof fruArea>, ValueOf<typeof fruAreaInfo>> = {
  name: 'Get FRU Inventory Area Info',
  netFn: netFns.storage,
  command: 0x10,
  privilege: 'user',
  request: fruArea,
  response: fruAreaInfo,
};

/** Offset and count are in bytes or words, depending on the device's access mode. */
const fruQuery = struct({ device: u8, offset: u16, count: u8 });

/** Section 34.2. */
export const readFruData: Command<ValueOf<typeof fruQuery>, { count: number; data: Buffer }> = {
  name: 'Read FRU Data',
  netFn: netFns.storage,
  command: 0x11,
  privilege: 'user',
  request: fruQuery,
  response: struct({ count: u8, data: rest }),
  completionCodes: { 129: 'the FRU device is busy' },
};

const selInfo = struct({
  version: u8,
  entries: u16,
  freeBytes: u16,
  added: u32,
  erased: u32,
  support: bits({ allocationInfo: [0], reserve: [1], partialAdd: [2], deletes: [3], overflow: [7] }),
});
export type SelInfo = ValueOf<typeof selInfo>;

/** Section 31.2. */
export const getSelInfo: Command<Record<never, never>, SelInfo> = {
  name: 'Get SEL Info',
  netFn: netFns.storage,
  command: 0x40,
  privilege: 'user',
  request: nothing,
  response: selInfo,
  completionCodes: { 129: 'the event log is being erased' },
};

const allocation = struct({ units: u16, unitSize: u16, freeUnits: u16, largestFree: u16, largestRecord: u8 });

/** Section 31.3. */
export const getSelAllocationInfo: Command<Record<never, never>, ValueOf<typeof allocation>> = {
  name: 'Get SEL Allocation Info',
  netFn: netFns.storage,
  command: 0x41,
  privilege: 'user',
  request: nothing,
  response: allocation,
};

/** Section 31.4. */
export const reserveSel: Command<Record<never, never>, Reservation> = {
  name: 'Reserve SEL',
  netFn: netFns.storage,
  command: 0x42,
  privilege: 'user',
  request: nothing,
  response: reservation,
  completionCodes: { 129: 'the event log is being erased' },
};

const selQuery = struct({ reservation: u16, record: u16, offset: u8, count: u8 });

/** Section 31.5. */
export const getSelEntry: Command<ValueOf<typeof selQuery>, { next: number; data: Buffer }> = {
  name: 'Get SEL Entry',
  netFn: netFns.storage,
  command: 0x43,
  privilege: 'user',
  request: selQuery,
  response: struct({ next: u16, data: rest }),
  completionCodes: { 129: 'the event log is being erased' },
};

/** Section 31.6. The BMC fills in record id and time. */
export const addSelEntry: Command<{ record: Buffer }, { id: number }> = {
  name: 'Add SEL Entry',
  netFn: netFns.storage,
  command: 0x44,
  privilege: 'operator',
  request: struct({ record: bytes(16) }),
  response: struct({ id: u16 }),
  repeatable: () => false,
  completionCodes: { 128: 'not for this record type', 129: 'the event log is being erased' },
};

/** Actions of Clear SEL, and the letters that protect against accidental use. */
export const clearSelActions = { status: 0x00, begin: 0xaa } as const;
export const clearSelGuard = Buffer.from('CLR', 'latin1');
const clearQuery = struct({ reservation: u16, guard: bytes(3), action: u8 });
const clearProgress = struct({ progress: bits({ done: [0, 4] }) });

/** Section 31.9. `done`: 0 = in progress, 1 = erased. */
export const clearSel: Command<ValueOf<typeof clearQuery>, ValueOf<typeof clearProgress>> = {
  name: 'Clear SEL',
  netFn: netFns.storage,
  command: 0x47,
  privilege: 'operator',
  request: clearQuery,
  response: clearProgress,
};

const selTime = struct({ seconds: u32 });

/** Section 31.10. Seconds since 1970. */
export const getSelTime: Command<Record<never, never>, ValueOf<typeof selTime>> = {
  name: 'Get SEL Time',
  netFn: netFns.storage,
  command: 0x48,
  privilege: 'user',
  request: nothing,
  response: selTime,
};

/** Section 31.11. */
export const setSelTime: Command<ValueOf<typeof selTime>, Record<never, never>> = {
  name: 'Set SEL Time',
  netFn: netFns.storage,
  command: 0x49,
  privilege: 'operator',
  request: selTime,
  response: nothing,
};
