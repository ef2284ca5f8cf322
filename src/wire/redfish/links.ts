import type { Json } from './redfish-client.ts';

/**
 * The path that a link of the service names. A host in it is left out: behind address translation services name one that
 * they believe to have, and whatever a link says, requests go to the peer alone.
 */
export function pathOf(link: Json | undefined): string | undefined {
  if (typeof link !== 'string' || link === '') return undefined;
  const clean = withoutDoubledSlashes(link);
  if (!URL.canParse(clean, base)) return undefined;
  const { pathname, search } = new URL(clean, base);
  return pathname + search;
}

/** A base path joined with a slash too many: at the beginning of a link it would make the next word a host. */
function withoutDoubledSlashes(link: string): string {
  const [, origin = '', path = '', rest = ''] = /^([a-z][a-z0-9+.-]*:\/\/)?([^?#]*)(.*)$/is.exec(link) ?? [];
  return origin + path.replace(/\/{2,}/g, '/') + rest;
}

/**
 * Where a redirect leads, or undefined where it leads to somebody else.
 * @param asked URL of the request, from which a relative location counts (RFC 9110 section 10.2.2)
 */
export function redirectedPath(location: string | undefined, asked: string): string | undefined {
  if (location === undefined || !URL.canParse(location, asked)) return undefined;
  const target = new URL(location, asked);
  return target.origin === new URL(asked).origin ? target.pathname + target.search : undefined;
}

/** `{"@odata.id": …}` to its path. */
export function linkOf(value: Json | undefined): string | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return pathOf(value['@odata.id']);
}

const base = 'http://service.invalid/';
