/** FRU data: Platform Management FRU Information Storage Definition 1.2. Each area is decoded as far as possible. */
import { decodeText, decodeUtf16, printable, textTypes } from './type-length-text.ts';

export const fruHeaderLength = 8;
export const multirecordHeaderLength = 5;
/** Offsets and lengths are in units of this many bytes. */
export const fruUnit = 8;

/** Section 8. Offsets in bytes; absent areas are omitted. */
export type FruHeader = {
  readonly chassis?: number;
  readonly board?: number;
  readonly product?: number;
  readonly multirecords?: number;
};

export type FruArea = {
  /** By name, in the order of the area; empty fields are omitted. */
  readonly fields: Readonly<Record<string, string>>;
  readonly custom: readonly string[];
  /** Problems of the area, as text. */
  readonly notes: readonly string[];
};

export const areaNames = ['chassis', 'board', 'product'] as const;
export type AreaName = (typeof areaNames)[number];

/** Sections 10 to 12: offset of the first text, and the names of the texts. */
const areaTable: Readonly<Record<AreaName, { texts: number; language?: number; names: readonly string[] }>> = {
  chassis: { texts: 3, names: ['part_number', 'serial'] },
  board: { texts: 6, language: 2, names: ['manufacturer', 'product', 'serial', 'part_number', 'file_id'] },
  product: {
    texts: 3,
    language: 2,
    names: ['manufacturer', 'product', 'part_number', 'version', 'serial', 'asset_tag', 'file_id'],
  },
};

/** Section 15: 0 and 25 are English; in any other language the 8-bit texts are UTF-16. */
const english: readonly number[] = [0, 25];
/** End-of-list marker, section 13: the type/length byte of a type 3 text of length 1. */
const endOfTexts = 0xc1;

/** @param bytes 8. @returns undefined if this is not FRU data */
export function decodeFruHeader(bytes: Buffer): { header: FruHeader; notes: string[] } | undefined {
  const [version = 0, , chassis = 0, board = 0, product = 0, multirecords = 0] = bytes;
  if (bytes.length < fruHeaderLength || (version & 0x0f) !== 1) return undefined;
  const header = {
    ...(chassis && { chassis: chassis * fruUnit }),
    ...(board && { board: board * fruUnit }),
    ...(product && { product: product * fruUnit }),
    ...(multirecords && { multirecords: multirecords * fruUnit }),
  };
  return { header, notes: sumsToZero(bytes) ? [] : ['the checksum of the common header is wrong'] };
}

/** @param bytes the area from its format version to its checksum, or the part that was read */
export function decodeFruArea(name: AreaName, bytes: Buffer): FruArea {
  const { texts, language, names } = areaTable[name];
  const notes = sumsToZero(bytes) ? [] : [`the checksum of the ${name} area is wrong`];
  const isForeign = language !== undefined && !english.includes(bytes[language] ?? 0);
  const values = readTexts(bytes.subarray(texts, -1), { isForeign, named: names.length });
  if (!values.ended) notes.push(`the ${name} area ends within its texts`);
  const fields: Record<string, string> = {};
  if (name === 'chassis') fields['type'] = describeChassis(bytes[2] ?? 0);
  if (name === 'board') Object.assign(fields, madeAt(bytes));
  for (const [index, field] of names.entries()) if (values.texts[index]) fields[field] = values.texts[index];
  return { fields, custom: values.texts.slice(names.length).filter(Boolean), notes };
}

/** Section 11: minutes since 1996 in three bytes; 0 = unspecified. */
function madeAt(bytes: Buffer): { made_at?: string } {
  const minutes = bytes.length >= 6 ? bytes.readUIntLE(3, 3) : 0;
  if (minutes === 0) return {};
  return { made_at: new Date(Date.UTC(1996, 0, 1) + minutes * 60_000).toISOString() };
}

type TextReading = { readonly isForeign: boolean; readonly named: number };

function readTexts(bytes: Buffer, { isForeign, named }: TextReading): { texts: string[]; ended: boolean } {
  const texts: string[] = [];
  let at = 0;
  while (at < bytes.length) {
    const typeLength = bytes[at] ?? endOfTexts;
    if (typeLength === endOfTexts && !(texts.length < named && isText(bytes.subarray(at)))) return { texts, ended: true };
    const length = typeLength & 0x3f;
    const data = bytes.subarray(at + 1, at + 1 + length);
    texts.push(readText(typeLength >> 6, data, isForeign));
    at += 1 + length;
  }
  return { texts, ended: false };
}

/**
 * Some vendors write a text of one character (ZT Systems: product version `1`), whose type/length byte equals the
 * end-of-list marker. As in ipmitool, it is a text if anything but padding follows, and the list ends after it.
 * @param bytes from that byte on
 */
function isText(bytes: Buffer): boolean {
  const behind = bytes.subarray(1);
  if (behind.every((byte) => byte === 0) || behind.every((byte) => byte === 0xff)) return false;
  let at = 1;
  while (at < behind.length && behind[at] !== endOfTexts) at += 1 + ((behind[at] ?? 0) & 0x3f);
  return at < behind.length;
}

function readText(type: number, data: Buffer, isForeign: boolean): string {
  if (type === textTypes.latin && isForeign) return printable(decodeUtf16(data));
  return decodeText(type, data, 'binary');
}

/** SMBIOS chassis types used by servers; others are shown by number. */
const chassisTable: Readonly<Record<number, string>> = {
  1: 'other',
  2: 'unknown',
  3: 'desktop',
  7: 'tower',
  17: 'main server chassis',
  23: 'rack mount chassis',
  28: 'blade',
  29: 'blade enclosure',
};

function describeChassis(type: number): string {
  return chassisTable[type] ?? `type ${type}`;
}

export type Multirecord = {
  readonly type: string;
  readonly length: number;
  readonly isLast: boolean;
  readonly notes: readonly string[];
};

/** Section 16.2, by record type. */
const multirecordTable = [
  'power supply information',
  'DC output',
  'DC load',
  'management access record',
  'base compatibility record',
  'extended compatibility record',
];

/** @param bytes the header of one record, 5 bytes. */
export function decodeMultirecordHeader(bytes: Buffer): Multirecord {
  const [type = 0, flags = 0x80, length = 0] = bytes;
  const name = multirecordTable[type] ?? (type >= 0xc0 ? `OEM record ${type.toString(16)}h` : `record ${type.toString(16)}h`);
  const notes = sumsToZero(bytes) ? [] : [`the checksum of the header of ${name} is wrong`];
  return { type: name, length, isLast: (flags & 0x80) !== 0 || notes.length > 0, notes };
}

export function sumsToZero(bytes: Uint8Array): boolean {
  return (bytes.reduce((sum, byte) => sum + byte, 0) & 0xff) === 0;
}
