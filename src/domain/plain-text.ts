/**
 * What BMCs, machines and other programs say ends up in people's terminals. Control characters (an escape sequence begins
 * with one) and marks that turn the direction of writing have nothing to do there; ends of lines and tabs may stay.
 */
const unwanted = /[^\P{Cc}\n\t]+|[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gu;
/** As above, but that lines may end with a carriage return. */
const controls = /[^\P{Cc}\n\r\t]|[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;
const lineEnds = /[\n\r\t\u2028\u2029]/;

export function plainText(text: string): string {
  return text.replace(unwanted, ' ');
}

/** Control characters other than tabs and ends of lines, or marks that turn the direction of writing. */
export function hasControls(text: string): boolean {
  return controls.test(text);
}

export function hasLineEnds(text: string): boolean {
  return lineEnds.test(text);
}

/** For one line of a terminal. */
export function plainLine(text: string): string {
  return plainText(text).replace(/[\n\t\u2028\u2029]+/g, ' ');
}

/** A copy of what is JSON, with plain texts and names at any depth. `shown`: what else becomes of each text. */
export function plainJson<T>(value: T, shown = (text: string): string => text): T {
  if (typeof value === 'string') return shown(plainText(value)) as T;
  if (Array.isArray(value)) return value.map((entry) => plainJson(entry, shown)) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [plainText(name), plainJson(inner, shown)])) as T;
}
