import type { Json } from './redfish-client.ts';

/**
 * The path that a link of the service names. A host in it is left out: behind address translation services name one that
 * they believe to have, and whatever a link says, requests go to the peer alone.
 */
export function pathOf(link: Json | undefined): string | undefined {
  if (typeof link !== 'string' || link === '' || !URL.canParse(link, base)) return undefined;
  const { pathname, search } = new URL(link, base);
  return pathname + search;
}

/** Where a redirect leads, or undefined where it leads to somebody else. */
export function redirectedPath(location: string | undefined, peerUrl: string): string | undefined {
  if (location === undefined || !URL.canParse(location, peerUrl)) return undefined;
  const target = new URL(location, peerUrl);
  return target.origin === new URL(peerUrl).origin ? target.pathname + target.search : undefined;
}

/** `{"@odata.id": …}` to its path. */
export function linkOf(value: Json | undefined): string | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return pathOf(value['@odata.id']);
}

const base = 'http://service.invalid/';
