import { Fault } from '#domain/faults.ts';

/** Only a text with such digits can hold a number that JSON.parse would change: all others are not read twice. */
const suspicious = /\d{16}|\d[eE]\+?\d{2}/;

/** TypeScript's own type knows no third argument yet (ECMAScript's "JSON.parse source text access"). */
type Reviver = (this: unknown, key: string, value: unknown) => unknown;

/**
 * Null, or a `badRequest` for a body with a number that would not arrive as it was sent: an integer beyond 2^53 (RFC 8259
 * section 6), such as a serial number without quotes, or one beyond all doubles (`1e400`).
 * @param text well-formed JSON
 */
export function faultOfNumbers(text: string): Fault | null {
  if (!suspicious.test(text)) return null;
  let inexact: string | undefined;
  const note = (_key: string, value: unknown, { source = '' }: { source?: string }) => {
    if (typeof value === 'number' && !isExact(value, source)) inexact ??= source;
    return value;
  };
  JSON.parse(text, note as Reviver);
  if (inexact === undefined) return null;
  return new Fault('badRequest', {
    detail: `The number ${inexact.slice(0, 40)} cannot be kept exactly: put it in quotes, or use one within ±${Number.MAX_SAFE_INTEGER}.`,
  });
}

/** Fractions are measures, and lose digits that nobody wrote by hand; integers are counts and names. */
function isExact(value: number, source: string): boolean {
  if (!Number.isFinite(value)) return false;
  return !/^-?\d+$/.test(source) || Number.isSafeInteger(value);
}
