/** Reads the data of one FRU device area by area: IPMI 2.0 rev 1.1 section 34. */
import { type Asker, askOr, onUnit } from './asker.ts';
import { completionCodes as codes } from './completion-codes.ts';
import {
  type AreaName,
  areaNames,
  decodeFruArea,
  decodeFruHeader,
  decodeMultirecordHeader,
  type FruArea,
  fruHeaderLength,
  fruUnit,
  multirecordHeaderLength,
} from './fru-data.ts';
import { getFruAreaInfo, readFruData } from './storage-commands.ts';

export type FruInventory = Partial<Record<AreaName, FruArea>> & {
  readonly multirecords: readonly string[];
  readonly notes: readonly string[];
};

export type FruDevice = { readonly device: number; readonly lun?: number };

/** @returns undefined if the device does not exist or holds nothing that can be decoded */
export async function readFru(
  asker: Asker,
  { device, lun = 0 }: FruDevice,
  pause: () => Promise<void>,
): Promise<FruInventory | undefined> {
  const info = await askOr(asker, { row: onUnit(getFruAreaInfo, lun), fields: { device }, expected: 'any' });
  if (!('answer' in info) || info.answer.size === 0) return undefined;
  const memory = new FruMemory(asker, { device, lun, size: info.answer.size, words: info.answer.access.words, pause });
  const head = decodeFruHeader(await memory.read(0, fruHeaderLength));
  if (!head) return undefined;
  const { header } = head;
  const areas: Partial<Record<AreaName, FruArea>> = {};
  for (const name of areaNames) {
    const offset = header[name];
    if (offset === undefined) continue;
    const [, units = 0] = await memory.read(offset, 2);
    const area = await memory.read(offset, Math.max(1, units) * fruUnit);
    if (area.length > 2) areas[name] = decodeFruArea(name, area);
  }
  const { types, notes } = await readMultirecords(memory, header.multirecords);
  const areaNotes = areaNames.flatMap((name) => areas[name]?.notes ?? []);
  return { ...areas, multirecords: types, notes: [...head.notes, ...areaNotes, ...notes] };
}

const multirecordLimit = 64;

async function readMultirecords(memory: FruMemory, start: number | undefined): Promise<{ types: string[]; notes: string[] }> {
  const types: string[] = [];
  let offset = start;
  while (offset !== undefined && types.length < multirecordLimit) {
    const bytes: Buffer = await memory.read(offset, multirecordHeaderLength);
    if (bytes.length < multirecordHeaderLength) return { types, notes: ['the list of multirecords has no end'] };
    const record = decodeMultirecordHeader(bytes);
    if (record.notes.length > 0) return { types, notes: [...record.notes] };
    types.push(record.type);
    offset = record.isLast ? undefined : offset + multirecordHeaderLength + record.length;
  }
  return { types, notes: [] };
}

type MemoryOptions = Required<FruDevice> & {
  readonly size: number;
  readonly words: boolean;
  pause(): Promise<void>;
};

const busy = 0x81;
const mostTries = 20;
const largestPart = 32;
const smallestPart = 2;
const tooMuch: readonly number[] = [
  codes.tooManyBytes,
  codes.wrongLength,
  codes.lengthLimit,
  codes.outOfRange,
  codes.unspecified,
];

/** Reads the device in chunks of a size that it accepts. */
class FruMemory {
  readonly #asker: Asker;
  readonly #options: MemoryOptions;
  #part = largestPart;

  constructor(asker: Asker, options: MemoryOptions) {
    this.#asker = asker;
    this.#options = options;
  }

  /** @returns fewer bytes if the device ends there or refuses to read on */
  async read(offset: number, length: number): Promise<Buffer> {
    const end = Math.min(offset + length, this.#options.size);
    const parts: Buffer[] = [];
    let at = offset;
    while (at < end) {
      const part = await this.#readPart(at, Math.min(this.#part, end - at));
      if (!part || part.length === 0) break;
      parts.push(part.subarray(0, end - at));
      at += part.length;
    }
    return Buffer.concat(parts);
  }

  /** If the device is accessed by words, offsets and counts are in words; the requested bytes are cut out of them. */
  async #readPart(offset: number, length: number): Promise<Buffer | undefined> {
    const { device, lun, words, pause } = this.#options;
    const skipped = words ? offset & 1 : 0;
    for (let tries = 0, wanted = length; tries < mostTries; tries += 1) {
      const count = words ? (wanted + skipped + 1) >> 1 : wanted;
      const fields = { device, offset: words ? offset >> 1 : offset, count };
      const reply = await askOr(this.#asker, { row: onUnit(readFruData, lun), fields, expected: 'any' });
      if ('answer' in reply) return reply.answer.data.subarray(skipped);
      if (reply.completion === busy) await pause();
      else if (tooMuch.includes(reply.completion) && wanted > smallestPart) {
        wanted = Math.max(smallestPart, wanted >> 1);
        this.#part = wanted;
      } else return undefined;
    }
    return undefined;
  }
}
