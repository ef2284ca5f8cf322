/** JSON Pointer (RFC 6901). */

/** Empty is the whole document; each part after a slash is a key, with `~1` for a slash and `~0` for a tilde. */
export const pointerPattern = '^(/([^/~]|~[01])*)*$';

/** The keys of a pointer. */
export function keysOf(pointer: string): string[] {
  return pointer.split('/').slice(1).map(unescapeKey);
}

/** In this order: `~01` is `~1`, not a slash. */
function unescapeKey(key: string): string {
  return key.replaceAll('~1', '/').replaceAll('~0', '~');
}

/** The list index of a key (digits only, no sign, no leading zero); undefined = not an index. */
export function indexOf(key: string): number | undefined {
  return /^(0|[1-9]\d{0,15})$/.test(key) ? Number(key) : undefined;
}
