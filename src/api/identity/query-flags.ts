/** Flags in a query, as in Keystone: a name alone means yes. */
const falseTexts = new Set(['0', 'f', 'false', 'off', 'n', 'no']);

export function isSet(value: string | undefined): boolean {
  return value !== undefined && !falseTexts.has(value.trim().toLowerCase());
}
