/** Security level of an SNMP packet, read without its keys. Parses BER as far as RFC 3412 section 6 needs it. */
import { Malformed } from '../bytes/malformed.ts';
import { ByteReader } from '../bytes/reader.ts';

/** 1 if the packet is signed, encrypted. */
export type SecurityLevel = { readonly auth: 0 | 1; readonly priv: 0 | 1 };

const tag = { integer: 0x02, text: 0x04, sequence: 0x30, report: 0xa8 } as const;
const version3 = 3;

/** @returns undefined for a packet that is not an SNMP message */
export function securityOf(packet: Uint8Array): (SecurityLevel & { readonly isReport: boolean }) | undefined {
  try {
    const message = new ByteReader(inner(new ByteReader(packet), tag.sequence));
    if (numberOf(message) !== version3) return { auth: 0, priv: 0, isReport: false };
    const flags = readFlags(new ByteReader(inner(message, tag.sequence)));
    const [auth, priv] = [flags & 1 ? 1 : 0, flags & 2 ? 1 : 0] as const;
    inner(message, tag.text);
    return { auth, priv, isReport: priv === 0 && isReport(message) };
  } catch (error) {
    if (error instanceof Malformed) return undefined;
    throw error;
  }
}

/** msgGlobalData: id, size, flags, security model. */
function readFlags(header: ByteReader): number {
  numberOf(header);
  numberOf(header);
  return new ByteReader(inner(header, tag.text)).u8();
}

/** ScopedPDU: engine, context name, and the PDU, whose tag is its type. */
function isReport(message: ByteReader): boolean {
  const scoped = new ByteReader(inner(message, tag.sequence));
  inner(scoped, tag.text);
  inner(scoped, tag.text);
  return scoped.u8() === tag.report;
}

function numberOf(reader: ByteReader): number {
  return inner(reader, tag.integer).reduce((sum, byte) => sum * 256 + byte, 0);
}

/** The contents of the next element, which must have the given tag. */
function inner(reader: ByteReader, wanted: number): Buffer {
  reader.expect(wanted, 'the tag');
  return reader.bytes(lengthOf(reader));
}

/** X.690 section 8.1.3: one byte, or the number of length bytes; no packet needs more than three. */
function lengthOf(reader: ByteReader): number {
  const first = reader.u8();
  if (first < 0x80) return first;
  const count = first & 0x7f;
  if (count === 0 || count > 3) throw new Malformed(`a length of ${count} bytes`);
  return reader.bytes(count).reduce((sum, byte) => sum * 256 + byte, 0);
}
