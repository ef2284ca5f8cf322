/** Reads all of a BMC's sensor data records, and handles every obstacle that section 33.12 names. */
import { type Asker, askOr, onUnit } from './asker.ts';
import type { Command } from './command.ts';
import { completionCodes as codes } from './completion-codes.ts';
import { decodeSdrHeader, sdrHeaderLength } from './sdr-records.ts';
import { getDeviceSdr, getDeviceSdrInfo, reserveDeviceSdrs } from './sensor-commands.ts';
import {
  firstRecord,
  type GetSdr,
  getSdr,
  getSdrRepositoryInfo,
  lastRecord,
  type Reservation,
  reserveSdrRepository,
  unknownTime,
} from './storage-commands.ts';

/**
 * `stamp` changes when the records do; undefined = the BMC has none. `dated` = the stamp has a time; otherwise it
 * shows only a changed number of records: iDRAC9 and several OpenBMCs give no time (0 or FFFFFFFFh).
 */
export type SdrList = {
  readonly stamp: string | undefined;
  readonly dated: boolean;
  readonly records: readonly Buffer[];
  readonly notes: readonly string[];
};

/** Where to read the records from. */
type Source = {
  readonly stamp: string | undefined;
  readonly dated: boolean;
  readonly reserve: Command<Record<never, never>, Reservation>;
  readonly get: GetSdr;
};

/** More than any BMC has; ends a circular list. */
const recordLimit = 2048;
/** How often the reservation may be lost while one record is read. */
const lossLimit = 8;
const largestPart = 32;
/** Data beyond this cannot be read: an offset is one byte, section 33.12. A header can announce 260 bytes. */
const longestRecord = 0x100;
const smallestPart = 4;
/** Completion codes by which BMCs refuse a read as too large. */
const tooMuch: readonly number[] = [codes.tooManyBytes, codes.wrongLength, codes.lengthLimit, codes.unspecified];

/** Completion codes of BMCs that do not have the requested data. */
const absent: readonly number[] = [codes.invalidCommand, codes.invalidForUnit, codes.notPresent, codes.invalidField];

/** @param known its records are returned if its stamp is still current */
export async function readSdrs(asker: Asker, known?: SdrList): Promise<SdrList> {
  const sources = await findSources(asker);
  const stamps = sources.map(({ stamp }) => stamp);
  const stamp = stamps.includes(undefined) ? undefined : stamps.join(' ');
  if (stamp !== undefined && known?.stamp === stamp) return known;
  const records: Buffer[] = [];
  const notes: string[] = [];
  for (const source of sources) await new SdrReader(asker, source, { records, notes }).readAll();
  return { stamp, dated: sources.every(({ dated }) => dated), records, notes };
}

/** The repository; otherwise the BMC's device SDRs, for each logical unit that has sensors: section 35.2. */
async function findSources(asker: Asker): Promise<Source[]> {
  const info = await askOr(asker, { row: getSdrRepositoryInfo, fields: {}, expected: absent });
  if ('answer' in info && info.answer && info.answer.records > 0) {
    const { records, added, erased } = info.answer;
    const dated = [added, erased].some((time) => time !== 0 && time !== unknownTime);
    return [{ stamp: `${records}/${added}/${erased}`, dated, reserve: reserveSdrRepository, get: getSdr }];
  }
  const device = await askOr(asker, { row: getDeviceSdrInfo, fields: {}, expected: absent });
  if (!('answer' in device)) return [];
  const { flags, count, changed } = device.answer;
  const units = [flags.lun0, flags.lun1, flags.lun2, flags.lun3].flatMap((has, lun) => (has ? [lun] : []));
  return units.map((lun) => ({
    stamp: `device ${count}/${flags.dynamic ? changed : 'static'}`,
    dated: !flags.dynamic || (changed !== undefined && changed !== 0 && changed !== unknownTime),
    reserve: onUnit(reserveDeviceSdrs, lun),
    get: onUnit(getDeviceSdr, lun),
  }));
}

class SdrReader {
  readonly #asker: Asker;
  readonly #source: Source;
  readonly #records: Buffer[];
  readonly #notes: string[];
  #reservation = 0;
  #part = largestPart;

  constructor(asker: Asker, source: Source, { records, notes }: { records: Buffer[]; notes: string[] }) {
    this.#asker = asker;
    this.#source = source;
    this.#records = records;
    this.#notes = notes;
  }

  async readAll(): Promise<void> {
    await this.#reserve();
    const seen = new Set<number>();
    let id = firstRecord;
    while (id !== lastRecord && !seen.has(id) && seen.size < recordLimit) {
      seen.add(id);
      const next = await this.#readRecord(id);
      if (next === undefined) return;
      id = next;
    }
    if (id !== lastRecord) this.#notes.push(`the list of records comes back to record ${id}`);
  }

  /** A BMC without reservations accepts 0: section 33.11. */
  async #reserve(): Promise<void> {
    const reply = await askOr(this.#asker, { row: this.#source.reserve, fields: {}, expected: [codes.invalidCommand] });
    this.#reservation = 'answer' in reply ? reply.answer.reservation : 0;
  }

  /** @returns the id of the next record; undefined if the list cannot be followed */
  async #readRecord(id: number): Promise<number | undefined> {
    for (let losses = 0; losses < lossLimit; losses += 1) {
      const outcome = await this.#tryRecord(id);
      if (outcome !== 'reservation lost') return outcome;
      await this.#reserve();
    }
    this.#notes.push(`record ${id}: its reservation was lost ${lossLimit} times`);
    return undefined;
  }

  async #tryRecord(id: number): Promise<number | 'reservation lost' | undefined> {
    const head = await this.#readPart(id, { offset: 0, count: sdrHeaderLength });
    if (head === 'reservation lost') return head;
    if (typeof head === 'number' || head.data.length < sdrHeaderLength) {
      this.#notes.push(`record ${id} can't be read${typeof head === 'number' ? `: completion code ${head.toString(16)}h` : ''}`);
      return typeof head === 'number' ? undefined : head.next;
    }
    const whole = Math.min(sdrHeaderLength + decodeSdrHeader(head.data).length, longestRecord);
    const parts = [head.data.subarray(0, whole)];
    let length = parts[0]?.length ?? 0;
    while (length < whole) {
      const part = await this.#readPart(id, { offset: length, count: Math.min(this.#part, whole - length) });
      if (part === 'reservation lost') return part;
      if (typeof part === 'number' || part.data.length === 0) {
        this.#notes.push(`record ${id} ends after ${length} bytes of the ${whole} that its head tells`);
        break;
      }
      const data = part.data.subarray(0, whole - length);
      parts.push(data);
      length += data.length;
    }
    this.#records.push(Buffer.concat(parts));
    return head.next;
  }

  /** Retries with fewer bytes if the read was too large. @returns the completion code of a refusal */
  async #readPart(
    record: number,
    { offset, count }: { offset: number; count: number },
  ): Promise<{ next: number; data: Buffer } | number | 'reservation lost'> {
    for (let wanted = count; ; wanted = Math.max(smallestPart, wanted >> 1)) {
      const fields = { reservation: this.#reservation, record, offset, count: wanted };
      const reply = await askOr(this.#asker, { row: this.#source.get, fields, expected: 'any' });
      if ('answer' in reply) return reply.answer;
      if (reply.completion === codes.reservationLost) return 'reservation lost';
      if (!tooMuch.includes(reply.completion) || wanted <= smallestPart) return reply.completion;
      this.#part = Math.max(smallestPart, wanted >> 1);
    }
  }
}
