/** The URLs from which images may be fetched. */
import { Fault } from '#domain/faults.ts';
import { maskUrlSecrets } from '#domain/url-secrets.ts';

/** @throws Fault `imageRefused` if it is no URL of a known scheme */
export function parseImageUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^(https?|file):\/\//i.test(text))
    throw refuseUrl(text, `Image download protocol ${schemeOf(text)} is not supported.`);
  return url;
}

function schemeOf(text: string): string {
  return /^([a-z][a-z0-9+.-]{0,20}):/i.exec(text)?.[1]?.toLowerCase() ?? 'of this text';
}

/** In the words of Ironic's `ImageRefValidationFailed`. */
export function refuseUrl(url: string | URL, detail: string, cause?: unknown): Fault {
  return new Fault('imageRefused', { image: shownUrl(url), detail }, cause);
}

/** Without passwords and tokens, and of one line's length. */
export function shownUrl(url: string | URL): string {
  const shown = maskUrlSecrets(String(url));
  return shown.length > 200 ? `${shown.slice(0, 199)}…` : shown;
}

/**
 * Whether a URL is below one of these prefixes: of the same origin, and a path below the prefix's. An encoded slash is
 * refused, as servers differ in what `..%2f` means.
 */
export function isBelow(url: URL, prefixes: readonly string[]): boolean {
  if (/%2f|%5c/i.test(url.pathname)) return false;
  return prefixes.some((text) => {
    const prefix = new URL(text);
    const folder = prefix.pathname.endsWith('/') ? prefix.pathname : `${prefix.pathname}/`;
    return url.origin === prefix.origin && (url.pathname === prefix.pathname || url.pathname.startsWith(folder));
  });
}
