/** UUIDs in the forms that clients send. */

export const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** oslo's `is_uuid_like` also accepts UUIDs without dashes. */
export function isUuidLike(text: string): boolean {
  return uuidPattern.test(text) || /^[0-9a-f]{32}$/i.test(text);
}
