/** Sensor records with defects that readers must tolerate. */
import { sdrTypes, sdrVersion } from '#wire/ipmi/sdr-records.ts';

const oemType = 0xc0;
/** Offset of the name's type/length byte in a compact record, table 43-2. */
const compactName = 31;

/**
 * The first compact record has no name, the last one declares a greater length than it has; a vendor's record and one
 * of an unknown type follow.
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
