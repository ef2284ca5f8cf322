import { Fault } from '#domain/faults.ts';

/** Only a text with such digits can hold a number that JSON.parse would change; other texts are not scanned. */
const suspicious = /[\d.]{16}|\d[eE]\+?\d{2}/;
const [quote, backslash, minus] = [0x22, 0x5c, 0x2d];
const numberToken = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

/**
 * Null, or a `badRequest` for a body with a number that JSON.parse would change: an integer beyond 2^53 (RFC 8259
 * section 6), such as an unquoted serial number, or one beyond all doubles (`1e400`).
 * @param text well-formed JSON; scanned once
 */
export function faultOfNumbers(text: string): Fault | null {
  const number = suspicious.test(text) ? findInexact(text) : undefined;
  if (number === undefined) return null;
  return new Fault('badRequest', {
    detail: `The number ${number.slice(0, 40)} cannot be kept exactly: put it in quotes, or use one within ±${Number.MAX_SAFE_INTEGER}.`,
  });
}

function findInexact(text: string): string | undefined {
  let isText = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (isText && code === backslash) at++;
    else if (code === quote) isText = !isText;
    else if (!isText && (code === minus || (code >= 0x30 && code <= 0x39))) {
      const number = tokenAt(text, at);
      if (!isExact(number)) return number;
      at += Math.max(number.length - 1, 0);
    }
  }
  return undefined;
}

function tokenAt(text: string, at: number): string {
  numberToken.lastIndex = at;
  return numberToken.exec(text)?.[0] ?? '';
}

/** Fractions are measurements, and lose only digits that no person wrote; integers are counts and identifiers. */
function isExact(number: string): boolean {
  if (number.length < 16 && !/[eE]/.test(number)) return true;
  const value = Number(number);
  if (!Number.isFinite(value)) return false;
  if (Number.isSafeInteger(value) || !Number.isInteger(value)) return true;
  return !/^-?\d+$/.test(number) && !hasManyDigits(number);
}

/** An integer written with a point or an exponent: `9.007199254740993e15`. */
function hasManyDigits(number: string): boolean {
  return /\d{16}/.test(number.replace('.', ''));
}
