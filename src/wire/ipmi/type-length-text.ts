/** Text with a type/length byte: IPMI 2.0 rev 1.1 section 43.15, FRU Information Storage 1.2 section 13. */

/** The two upper bits of the byte. The meaning of type 0 depends on the context. */
export const textTypes = { special: 0, bcdPlus: 1, sixBit: 2, latin: 3 } as const;

const bcdPlus = '0123456789 -.:,_';

/** @param special how type 0 is decoded: `unicode` in sensor records, `binary` (hexadecimal) in FRU data */
export function decodeText(type: number, data: Uint8Array, special: 'unicode' | 'binary'): string {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  if (type === textTypes.bcdPlus)
    return [...bytes]
      .map((byte) => `${bcdPlus[byte >> 4]}${bcdPlus[byte & 0x0f]}`)
      .join('')
      .trimEnd();
  if (type === textTypes.sixBit) return decodeSixBit(bytes);
  if (type === textTypes.latin) return printable(bytes.toString('latin1'));
  return special === 'binary' ? bytes.toString('hex') : printable(decodeUtf16(bytes));
}

/** In FRU areas of a language other than English, type 3 is UTF-16, little-endian. */
export function decodeUtf16(bytes: Buffer): string {
  return bytes.subarray(0, bytes.length & ~1).toString('utf16le');
}

/** 6-bit packed ASCII, low bits first; each character is 20h more than its six bits. */
function decodeSixBit(bytes: Buffer): string {
  let text = '';
  for (let bit = 0; bit + 6 <= bytes.length * 8; bit += 6) {
    const at = bit >> 3;
    const pair = (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
    text += String.fromCharCode(0x20 + ((pair >> (bit & 7)) & 0x3f));
  }
  return text.trimEnd();
}

/** BMCs pad with zeros and blanks, and some leave stale buffer contents behind. */
export function printable(text: string): string {
  const [head = ''] = text.split('\0', 1);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is to be removed
  return head.replace(/[\u0000-\u001f\u007f-\u009f]/g, '').trim();
}

/**
 * Encodes a text as 8-bit characters with its type/length byte. A single character gets a trailing blank: its
 * type/length byte would be C1h, the end-of-list marker.
 * @throws RangeError beyond `limit` bytes
 */
export function encodeLatin(text: string, limit: number): Buffer {
  const bytes = Buffer.from(text.length === 1 ? `${text} ` : text, 'latin1');
  if (bytes.length > limit) throw new RangeError(`'${text}' is longer than ${limit} bytes`);
  return Buffer.concat([Buffer.of((textTypes.latin << 6) | bytes.length), bytes]);
}
