import type { Json } from './redfish-client.ts';

/**
 * The path of a link. The host is ignored: services behind NAT use the address that they believe to have. Requests go
 * to the configured peer only, whatever a link says.
 */
export function pathOf(link: Json | undefined): string | undefined {
  if (typeof link !== 'string' || link === '') return undefined;
  const clean = withoutDoubledSlashes(link);
  if (!URL.canParse(clean, base)) return undefined;
  const { pathname, search } = new URL(clean, base);
  return pathname + search;
}

/** Base path joined with one slash too many: at the start of a link, the next segment would be parsed as a host. */
function withoutDoubledSlashes(link: string): string {
  const [, origin = '', path = '', rest = ''] = /^([a-z][a-z0-9+.-]*:\/\/)?([^?#]*)(.*)$/is.exec(link) ?? [];
  return origin + path.replace(/\/{2,}/g, '/') + rest;
}

/**
 * Target path of a redirect, or undefined if it leads to another origin.
 * @param asked URL of the request, the base of a relative location (RFC 9110 section 10.2.2)
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
