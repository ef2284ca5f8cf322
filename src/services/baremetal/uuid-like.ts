/** UUIDs in the forms that clients send. */
import { Fault } from '#domain/faults.ts';

export const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** oslo's `is_uuid_like` also accepts UUIDs without dashes. */
export function isUuidLike(text: string): boolean {
  return uuidPattern.test(text) || /^[0-9a-f]{32}$/i.test(text);
}

/** In the form in which UUIDs are kept. Throws `badRequest` */
export function uuidOf(field: string, text: string): string {
  if (!isUuidLike(text)) throw new Fault('badRequest', { detail: `Expected UUID for ${field}: ${text}` });
  const digits = text.replaceAll('-', '').toLowerCase();
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
