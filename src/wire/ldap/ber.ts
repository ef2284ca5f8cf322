/** The part of BER that LDAP uses (RFC 4511, section 5.1): definite lengths, and tags of one byte. */
import { LdapError } from './ldap-error.ts';

/** Tags of X.690 that have the same meaning everywhere. */
export const tags = { boolean: 0x01, integer: 0x02, octets: 0x04, enumerated: 0x0a, sequence: 0x30, set: 0x31 } as const;

export function element(tag: number, ...content: readonly Buffer[]): Buffer {
  const length = content.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([Buffer.from([tag]), lengthBytes(length), ...content]);
}

function lengthBytes(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length]);
  const bytes = Buffer.alloc(5);
  bytes.writeUInt32BE(length, 1);
  const skipped = bytes.findIndex((byte, at) => at > 0 && byte !== 0);
  bytes[skipped - 1] = 0x80 | (5 - skipped);
  return bytes.subarray(skipped - 1);
}

export const sequence = (...content: readonly Buffer[]) => element(tags.sequence, ...content);
export const octets = (value: string | Buffer, tag: number = tags.octets) => element(tag, Buffer.from(value as string));
export const boolean = (value: boolean, tag: number = tags.boolean) => element(tag, Buffer.from([value ? 0xff : 0]));

/** 0 to 2³¹ - 1, which LDAP calls `maxInt`. */
export function integer(value: number, tag: number = tags.integer): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  // As few bytes as possible, but the first bit is the sign.
  let start = 0;
  while (start < 3 && bytes[start] === 0 && (bytes[start + 1] ?? 0) < 0x80) start += 1;
  return element(tag, bytes.subarray(start));
}

type Header = { readonly tag: number; readonly start: number; readonly length: number };

/** Of the element at the start; undefined if more bytes are needed. @throws LdapError */
export function readHeader(bytes: Buffer): Header | undefined {
  const [tag, first] = bytes;
  if (tag === undefined || first === undefined) return undefined;
  if ((tag & 0x1f) === 0x1f) throw new LdapError('its message has a tag of several bytes');
  if (first < 0x80) return { tag, start: 2, length: first };
  const count = first & 0x7f;
  if (count === 0 || count > 4) throw new LdapError('its message has a length that LDAP does not allow');
  if (bytes.length < 2 + count) return undefined;
  return { tag, start: 2 + count, length: bytes.readUIntBE(2, count) };
}

/** Reads elements that stand one after the other. */
export class BerReader {
  #rest: Buffer;

  constructor(bytes: Buffer) {
    this.#rest = bytes;
  }

  get isEmpty(): boolean {
    return this.#rest.length === 0;
  }

  next(): { tag: number; content: Buffer } {
    const header = readHeader(this.#rest);
    const end = header ? header.start + header.length : 0;
    if (!header || end > this.#rest.length) throw new LdapError('its message is cut off');
    const content = this.#rest.subarray(header.start, end);
    this.#rest = this.#rest.subarray(end);
    return { tag: header.tag, content };
  }

  /** The content of the next element, which must have this tag. */
  read(tag: number): Buffer {
    const found = this.next();
    if (found.tag !== tag) throw new LdapError(`its message has an element ${found.tag} in the place of ${tag}`);
    return found.content;
  }

  inside(tag: number): BerReader {
    return new BerReader(this.read(tag));
  }

  integer(tag: number = tags.integer): number {
    const bytes = this.read(tag);
    if (bytes.length === 0 || bytes.length > 4) throw new LdapError('its message has a number that LDAP does not allow');
    return bytes.readIntBE(0, bytes.length);
  }

  text(tag: number = tags.octets): string {
    return this.read(tag).toString();
  }
}
