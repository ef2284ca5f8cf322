/** UUIDs as they are kept. */
import { randomUUID } from 'node:crypto';
import { Fault } from '#domain/faults.ts';
import { isUuidLike } from '#domain/uuids.ts';

/** In the form in which UUIDs are kept. Throws `badRequest` */
export function uuidOf(field: string, text: string): string {
  if (!isUuidLike(text)) throw new Fault('badRequest', { detail: `Expected UUID for ${field}: ${text}` });
  const digits = text.replaceAll('-', '').toLowerCase();
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** Of a new record: the given one, or a random one. Empty text is no UUID. Throws `badRequest` */
export function newUuid(given: string | null | undefined): string {
  return given === null || given === undefined ? randomUUID() : uuidOf('uuid', given);
}
