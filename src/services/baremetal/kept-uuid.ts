/** UUIDs as they are kept. */
import { Fault } from '#domain/faults.ts';
import { isUuidLike } from '#domain/uuids.ts';

/** In the form in which UUIDs are kept. Throws `badRequest` */
export function uuidOf(field: string, text: string): string {
  if (!isUuidLike(text)) throw new Fault('badRequest', { detail: `Expected UUID for ${field}: ${text}` });
  const digits = text.replaceAll('-', '').toLowerCase();
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
