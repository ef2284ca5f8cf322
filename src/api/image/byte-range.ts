/** The part of an image that a download asks for, with Glance's messages (glance/common/wsgi.py). */
import type { IncomingHttpHeaders } from 'node:http';
import { Fault } from '#domain/faults.ts';

/** Both inclusive. */
export type ByteRange = { readonly start: number; readonly end: number };

/**
 * @returns undefined: the whole image. `Content-Range` in a request is what older clients send.
 * @throws Fault `badRequest`, `rangeNotSatisfiable`
 */
export function readRange(headers: IncomingHttpHeaders, size: number): ByteRange | undefined {
  const { range, 'content-range': older } = headers;
  if (range !== undefined) return rangeOf(range, size);
  return older === undefined ? undefined : contentRangeOf(older, size);
}

function rangeOf(text: string, size: number): ByteRange {
  if (text.includes(',')) {
    const detail =
      'Requests with multiple ranges are not supported in Glance. You may make multiple single-range requests instead.';
    throw new Fault('badRequest', { detail });
  }
  const [, first = '', last = ''] = /^\s*bytes\s*=\s*(\d{0,15})\s*-\s*(\d{0,15})\s*$/i.exec(text) ?? [];
  if (first === '') {
    // The last bytes of the image.
    if (Number(last) === 0) throw unsatisfiable('Invalid Range header.');
    return { start: Math.max(0, size - Number(last)), end: size - 1 };
  }
  const [start, end] = [Number(first), last === '' ? size - 1 : Number(last)];
  if (last !== '' && end < start) throw unsatisfiable('Invalid Range header.');
  if (start >= size) throw badStart('Range', size);
  return { start, end: Math.min(end, size - 1) };
}

function contentRangeOf(text: string, size: number): ByteRange {
  const [, first, last, total] = /^\s*bytes\s+(\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)\s*$/i.exec(text) ?? [];
  const [start, end] = [Number(first), Number(last)];
  if (first === undefined || end < start || (total !== '*' && end >= Number(total)))
    throw unsatisfiable('Invalid Content-Range header.');
  if (start >= size) throw badStart('Content-Range', size);
  if (end >= size) {
    const where = `The stop position MUST be in the inclusive range [0, ${size - 1}].`;
    throw unsatisfiable(`Invalid stop position in Content-Range header. ${where}`);
  }
  return { start, end };
}

function badStart(header: string, size: number): Fault {
  const where = `Start position MUST be in the inclusive range [0, ${size - 1}].`;
  return unsatisfiable(`Invalid start position in ${header} header. ${where}`);
}

function unsatisfiable(detail: string): Fault {
  return new Fault('rangeNotSatisfiable', { detail });
}
