/** Reads and erases the system event log: IPMI 2.0 rev 1.1 section 31. */
import { type Asker, askOr } from './asker.ts';
import { completionCodes as codes } from './completion-codes.ts';
import { decodeSelRecord, type SelRecord } from './sel-records.ts';
import {
  clearSel,
  clearSelActions,
  clearSelGuard,
  firstRecord,
  getSelEntry,
  getSelInfo,
  lastRecord,
  reserveSel,
} from './storage-commands.ts';

/** Logs hold a few thousand entries; ends a circular list. */
const entryLimit = 16_384;
const wholeRecord = 0xff;

/**
 * Oldest first. Each entry is read as a whole, which needs no reservation: section 31.5.
 * @param missing called if there are fewer entries than the log reports
 */
export async function readSel(asker: Asker, missing?: (gap: string) => void): Promise<SelRecord[]> {
  const { entries } = await asker.ask(getSelInfo, {});
  const records = await followEntries(asker, entries);
  if (records.length < entries) missing?.(`the event log has ${entries} entries and gives ${records.length}`);
  return records;
}

/** Facebook's OpenBMC returns its oldest entry twice once the log is full. */
async function followEntries(asker: Asker, entries: number): Promise<SelRecord[]> {
  const records: SelRecord[] = [];
  if (entries === 0) return records;
  const known = new Set<number>();
  const seen = new Set<number>();
  let record = firstRecord;
  while (record !== lastRecord && !seen.has(record) && seen.size < entryLimit) {
    seen.add(record);
    const fields = { reservation: 0, record, offset: 0, count: wholeRecord };
    // The entry is gone: the log was erased, or new entries overwrote the oldest ones.
    const reply = await askOr(asker, { row: getSelEntry, fields, expected: [codes.notPresent] });
    if (!('answer' in reply)) return records;
    const entry = decodeSelRecord(reply.answer.data);
    if (!known.has(entry.id)) records.push(entry);
    known.add(entry.id);
    record = reply.answer.next;
  }
  return records;
}

/** Maximum number of progress polls and lost reservations together. */
const mostTries = 64;

/**
 * Starts to erase and polls until it is done; `pause` waits between two polls.
 * @returns false: the BMC has not finished
 */
export async function eraseSel(asker: Asker, pause: () => Promise<void>): Promise<boolean> {
  let action: number = clearSelActions.begin;
  let reservation = await reserve(asker);
  for (let tries = 0; tries < mostTries; tries += 1) {
    const fields = { reservation, guard: clearSelGuard, action };
    const reply = await askOr(asker, { row: clearSel, fields, expected: [codes.reservationLost] });
    if ('answer' in reply && reply.answer.progress.done === 1) return true;
    if ('answer' in reply) {
      action = clearSelActions.status;
      await pause();
    } else {
      // A new event cancels a reservation; the erase continues under the new one.
      reservation = await reserve(asker);
    }
  }
  return false;
}

async function reserve(asker: Asker): Promise<number> {
  const reply = await askOr(asker, { row: reserveSel, fields: {}, expected: [codes.invalidCommand] });
  return 'answer' in reply ? reply.answer.reservation : 0;
}
