/**
 * What BMCs, machines and other programs say ends up in people's terminals. Control characters (an escape sequence begins
 * with one) and marks that turn the direction of writing have nothing to do there; ends of lines and tabs may stay.
 */
const unwanted = /[^\P{Cc}\n\t]+|[\u202a-\u202e\u2066-\u2069]+/gu;

export function plainText(text: string): string {
  return text.replace(unwanted, ' ');
}

/** A copy of what is JSON, with plain texts and names at any depth. `shown`: what else becomes of each text. */
export function plainJson<T>(value: T, shown = (text: string): string => text): T {
  if (typeof value === 'string') return shown(plainText(value)) as T;
  if (Array.isArray(value)) return value.map((entry) => plainJson(entry, shown)) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [plainText(name), plainJson(inner, shown)])) as T;
}
