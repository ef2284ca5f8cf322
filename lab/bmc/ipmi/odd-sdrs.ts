/** Sensor records with the mistakes that readers must bear. */
import { sdrTypes, sdrVersion } from '#wire/ipmi/sdr-records.ts';

const oemType = 0xc0;
/** Where a compact record has the type/length byte of its name, table 43-2. */
const compactName = 31;

/**
 * The first compact record has no name, the last tells a greater length than it has, and a vendor's record and one of a
 * type that nobody knows follow.
 */
export function makeOdd(records: readonly Buffer[]): Buffer[] {
  const compact = records.flatMap((record, index) => (record[3] === sdrTypes.compact ? [index] : []));
  const odd = records.map((record) => Buffer.from(record));
  const [nameless, boastful] = [odd[compact[0] ?? -1], odd[compact.at(-1) ?? -1]];
  if (nameless) nameless[compactName] = 0xc0;
  if (boastful) boastful[4] = (boastful[4] ?? 0) + 20;
  return [...odd, stray(odd.length + 1, oemType), stray(odd.length + 2, 0x7e)];
}

function stray(id: number, type: number): Buffer {
  return Buffer.of(id & 0xff, id >> 8, sdrVersion, type, 3, 1, 2, 3);
}
