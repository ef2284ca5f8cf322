/**
 * Text from BMCs, machines and other programs is displayed in terminals. Control characters (which start escape
 * sequences) and bidirectional formatting characters are removed; line ends and tabs are kept.
 */
const unwanted = /[^\P{Cc}\n\t]+|[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gu;
/** As above, but accepts carriage returns. */
const controls = /[^\P{Cc}\n\r\t]|[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;
/** Most texts: without the classes of Unicode the test takes a tenth of the time. */
const plain = /^[\x20-\x7e]*$/;
const lineEnds = /[\n\r\t\u2028\u2029]/;

export function plainText(text: string): string {
  return plain.test(text) ? text : text.replace(unwanted, ' ');
}

/** True for control characters other than tabs and line ends, or bidirectional formatting characters. */
export function hasControls(text: string): boolean {
  return controls.test(text);
}

export function hasLineEnds(text: string): boolean {
  return lineEnds.test(text);
}

/** For a single line of a terminal. */
export function plainLine(text: string): string {
  return plainText(text).replace(/[\n\t\u2028\u2029]+/g, ' ');
}

/** A copy of a JSON value with plain strings and names at any depth. `shown`: a further conversion of each string. */
export function plainJson<T>(value: T, shown = (text: string): string => text): T {
  if (typeof value === 'string') return shown(plainText(value)) as T;
  if (Array.isArray(value)) return value.map((entry) => plainJson(entry, shown)) as T;
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value);
  for (const entry of entries) {
    entry[0] = plainText(entry[0]);
    entry[1] = plainJson(entry[1], shown);
  }
  return Object.fromEntries(entries) as T;
}
