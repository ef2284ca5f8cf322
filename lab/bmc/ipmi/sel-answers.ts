/** The system event log: IPMI 2.0 rev 1.1 sections 31 and 32. */
import { completionCodes } from '#wire/ipmi/completion-codes.ts';
import { describeState, eventTypes } from '#wire/ipmi/event-states.ts';
import { bmcAddress } from '#wire/ipmi/message.ts';
import { decodeSelRecord, selRecordLength, selRecordTypes } from '#wire/ipmi/sel-records.ts';
import * as rows from '#wire/ipmi/storage-commands.ts';
import type { BmcModel, BmcModelLogEntry } from '../bmc-model.ts';
import { answer, type BmcContext, Refusal } from './answer.ts';
import { takePart } from './record-parts.ts';
import { numberOf } from './sdr-records.ts';
import { codingOf, toRaw } from './sensor-coding.ts';

const version = 0x51;
const capacity = 512;
const eventMessageRevision = 4;

const seconds = (milliseconds: number) => Math.floor(milliseconds / 1000);

const getSelInfo = answer(rows.getSelInfo, (_, { bmcModel, memory }) => ({
  version,
  entries: bmcModel.log.length,
  freeBytes: Math.max(0, capacity - bmcModel.log.length) * selRecordLength,
  added: stamp(bmcModel.logTimes.added, memory.selTimeAhead),
  erased: stamp(bmcModel.logTimes.cleared, memory.selTimeAhead),
  support: { allocationInfo: true, reserve: true, partialAdd: false, deletes: false, overflow: false },
}));

function stamp(milliseconds: number, ahead: number): number {
  return milliseconds === 0 ? rows.unknownTime : seconds(milliseconds) + ahead;
}

const getSelAllocationInfo = answer(rows.getSelAllocationInfo, (_, { bmcModel }) => {
  const free = Math.max(0, capacity - bmcModel.log.length);
  return { units: capacity, unitSize: selRecordLength, freeUnits: free, largestFree: free, largestRecord: 1 };
});

const reserveSel = answer(rows.reserveSel, (_, { memory }) => ({ reservation: memory.reserve('sel') }));

const getSelEntry = answer(rows.getSelEntry, ({ reservation, record, offset, count }, context) => {
  const { log } = context.bmcModel;
  const index = findEntry(log, record);
  const entry = log[index];
  if (!entry) throw new Refusal(completionCodes.notPresent);
  if (offset > 0) checkReservation(reservation, context);
  const next = log[index + 1]?.id ?? rows.lastRecord;
  return { next, data: takePart(encodeEntry(entry, context), { offset, count, largest: selRecordLength }) };
});

function findEntry(log: readonly BmcModelLogEntry[], record: number): number {
  if (record === rows.firstRecord) return 0;
  if (record === rows.lastRecord) return log.length - 1;
  return log.findIndex(({ id }) => id === record);
}

function checkReservation(reservation: number, { memory }: BmcContext): void {
  if (reservation !== memory.reservations.sel) throw new Refusal(completionCodes.reservationLost);
}

function encodeEntry({ id, at, sensor, event }: BmcModelLogEntry, { bmcModel, memory }: BmcContext): Buffer {
  const index = bmcModel.sensors.findIndex(({ name }) => name === sensor);
  const source = bmcModel.sensors[index];
  const isThreshold = source?.kind === 'analog';
  const coding = isThreshold ? codingOf(source) : undefined;
  const raw = (value: number | undefined) => (coding && value !== undefined ? toRaw(value, coding) : 0xff);
  // 01b and 01b in the upper bits: trigger reading and trigger threshold follow.
  const values = isThreshold && event.reading !== undefined ? 0x50 : 0;
  const bytes = Buffer.alloc(selRecordLength);
  bytes.writeUInt16LE(id, 0);
  bytes[2] = selRecordTypes.systemEvent;
  bytes.writeUInt32LE(seconds(at) + memory.selTimeAhead, 3);
  const type = isThreshold ? eventTypes.threshold : eventTypes.sensorSpecific;
  bytes.set([bmcAddress, 0, eventMessageRevision, event.typeCode, index < 0 ? 0 : numberOf(index)], 7);
  bytes.set([type | (event.asserted ? 0 : 0x80), values | event.offset, raw(event.reading), raw(event.threshold)], 12);
  return bytes;
}

const addSelEntry = answer(rows.addSelEntry, ({ record }, { bmcModel }) => {
  const { event } = decodeSelRecord(record);
  if (!event) throw new Refusal(completionCodes.invalidField);
  const { words, severity } = describeState(event);
  const { sensorType: typeCode, offset, asserted } = event;
  bmcModel.record({ sensor: nameOf(bmcModel, event.number), message: words, severity, event: { typeCode, offset, asserted } });
  return { id: bmcModel.log.at(-1)?.id ?? 0 };
});

function nameOf(bmcModel: BmcModel, number: number): string {
  return bmcModel.sensors.find((_, index) => numberOf(index) === number)?.name ?? `sensor ${number}`;
}

const clearSel = answer(rows.clearSel, ({ reservation, guard, action }, context) => {
  if (!guard.equals(rows.clearSelGuard)) throw new Refusal(completionCodes.invalidField);
  checkReservation(reservation, context);
  const { bmcModel } = context;
  if (action === rows.clearSelActions.begin) {
    bmcModel.clearLog();
    // Completes instantly but is reported only on the next poll, so that callers learn to poll.
    return { progress: { done: 0 } };
  }
  if (action !== rows.clearSelActions.status) throw new Refusal(completionCodes.invalidField);
  return { progress: { done: 1 } };
});

const getSelTime = answer(rows.getSelTime, (_, { memory }) => ({ seconds: seconds(Date.now()) + memory.selTimeAhead }));

const setSelTime = answer(rows.setSelTime, ({ seconds: wanted }, { memory }) => {
  memory.selTimeAhead = wanted - seconds(Date.now());
  return {};
});

export const selAnswers = [
  getSelInfo,
  getSelAllocationInfo,
  reserveSel,
  getSelEntry,
  addSelEntry,
  clearSel,
  getSelTime,
  setSelTime,
];
