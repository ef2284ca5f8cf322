/**
 * Opens a file of a web server that a user has named. The server is not trusted, nor is the name service: each redirection is
 * checked, and the connection goes to the address that was checked.
 */
import { lookup } from 'node:dns';
import type { IncomingMessage } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { getCACertificates } from 'node:tls';
import { Fault } from '#domain/faults.ts';
import { request as plainRequest } from '#node-http/http.ts';
import { responseTo } from '#node-http/response-to.ts';
import type { AddressRules } from './address-rules.ts';
import { isBelow, refuseUrl, shownUrl } from './url-rules.ts';

export type HttpRules = {
  readonly addresses: AddressRules;
  /** Only URLs below one of these; empty: all. */
  readonly prefixes: readonly string[];
  /** Absent: any. */
  readonly ports?: readonly number[];
  /** Further certificates of authorities, PEM. */
  readonly authorities: readonly string[];
  /** Until the head of a reply comes, in milliseconds. */
  readonly stallMs: number;
};

export type HttpFile = {
  readonly stream: IncomingMessage;
  /** As announced; absent: unknown until the end. */
  readonly size?: number;
};

/** Signs by which a server tells that a file has not changed (RFC 9110 section 8.8). */
export type Validators = { readonly etag?: string; readonly last_modified?: string };

const mostRedirections = 5;

/**
 * @param known what the server said of a copy that is already here
 * @returns undefined if the file has not changed since then. Throws Fault `imageRefused` or `imageDownloadFailed`.
 */
export async function openHttpFile(
  first: URL,
  rules: HttpRules,
  { signal, known = {} }: { signal: AbortSignal; known?: Validators },
): Promise<(HttpFile & { validators: Validators }) | undefined> {
  let url = first;
  for (let count = 0; count <= mostRedirections; count++) {
    const response = await send({ url, first, rules, signal, known });
    const { statusCode: status = 0, headers } = response;
    if (status === 200) return openedFile(response, first);
    response.destroy();
    if (status === 304 && Object.keys(known).length > 0) return undefined;
    url = redirection({ status, location: headers.location, from: url, first });
  }
  throw refuseUrl(first, `More than ${mostRedirections} redirections.`);
}

function openedFile(response: IncomingMessage, url: URL): HttpFile & { validators: Validators } {
  const {
    'content-length': length,
    'content-encoding': encoding = 'identity',
    etag,
    'last-modified': last_modified,
  } = response.headers;
  if (encoding !== 'identity') {
    response.destroy();
    throw refuseUrl(url, `The server sends it in the encoding ${encoding.slice(0, 20)}, which was not asked for.`);
  }
  const validators = { ...(etag && { etag }), ...(last_modified && { last_modified }) };
  return { stream: response, ...(length !== undefined && { size: Number(length) }), validators };
}

type Exchange = { url: URL; first: URL; rules: HttpRules; signal: AbortSignal; known: Validators };

async function send({ url, first, rules, signal, known }: Exchange): Promise<IncomingMessage> {
  checkUrl(url, first, rules);
  const headers = {
    'accept-encoding': 'identity',
    'user-agent': 'ingot',
    ...(url.origin === first.origin && credentials(first)),
    ...(known.etag && { 'if-none-match': known.etag }),
    ...(known.last_modified && { 'if-modified-since': known.last_modified }),
  };
  const isTls = url.protocol === 'https:';
  const outgoing = (isTls ? tlsRequest : plainRequest)({
    ...{ protocol: url.protocol, hostname: hostOf(url), port: portOf(url), path: `${url.pathname}${url.search}` },
    ...{ headers, signal, agent: false, lookup: checkedLookup(url, first, rules) },
    ...(isTls && { ca: trustedAuthorities(rules.authorities) }),
  });
  const timer = setTimeout(() => outgoing.destroy(new Error('no reply in time')), rules.stallMs);
  const response = responseTo(outgoing);
  outgoing.end();
  try {
    return await response;
  } catch (error) {
    if (error instanceof Fault) throw error;
    signal.throwIfAborted();
    throw downloadFailed(first, (error as Error).message, error);
  } finally {
    clearTimeout(timer);
  }
}

/** In the words of Ironic's `ImageDownloadFailed`. */
export function downloadFailed(url: URL | string, detail: string, cause?: unknown): Fault {
  return new Fault('imageDownloadFailed', { image: shownUrl(url), detail }, cause);
}

/**
 * Of a name, the address is checked when it is known.
 * @param first the URL from which others redirected to this one
 */
export function checkUrl(url: URL, first: URL, { prefixes, addresses, ports }: HttpRules): void {
  const which = url === first ? 'It' : `It redirects to ${shownUrl(url.origin)}, which`;
  if (prefixes.length > 0 && !isBelow(url, prefixes)) throw refuseUrl(first, `${which} is not allowed by images.fetch_urls.`);
  if (ports && !ports.includes(portOf(url))) throw refuseUrl(first, `${which} has port ${portOf(url)}, which is not allowed.`);
  const host = hostOf(url);
  const why = isIP(host) === 0 ? undefined : addresses.whyForbidden(host, portOf(url));
  if (why) throw refuseUrl(first, `${which} is at ${why}.`);
}

/** Called for names only. Of several addresses, the forbidden ones are left out. */
function checkedLookup(url: URL, first: URL, { addresses }: HttpRules): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      if (error) return callback(error, '', 0);
      const judged = found.map((each) => ({ each, why: addresses.whyForbidden(each.address, portOf(url)) }));
      const allowed = judged.flatMap(({ each, why }) => (why === undefined ? [each] : []));
      const [one] = allowed;
      if (!one) return callback(refuseUrl(first, `The name ${hostname} leads to ${judged[0]?.why ?? 'no address'}.`), '', 0);
      return options.all ? callback(null, allowed) : callback(null, one.address, one.family);
    });
  };
}

/** RFC 9110 section 15.4. From HTTPS to HTTP would give up what the user asked for. */
function redirection(reply: { status: number; location: string | undefined; from: URL; first: URL }): URL {
  const { status, location, from, first } = reply;
  if (![301, 302, 303, 307, 308].includes(status) || location === undefined)
    throw refuseUrl(first, `Got HTTP code ${status} instead of 200 in response to GET request.`);
  const to = URL.canParse(location, from) ? new URL(location, from) : undefined;
  const isFit = to?.protocol === 'https:' || (to?.protocol === 'http:' && from.protocol === 'http:');
  if (!to || !isFit) throw refuseUrl(first, 'It redirects to something other than http(s), or from https to http.');
  // Credentials of a redirection are the server's choice, not the user's.
  to.username = '';
  to.password = '';
  return to;
}

function credentials({ username, password }: URL): { authorization?: string } {
  if (username === '' && password === '') return {};
  const text = [username, password].map(decodedText).join(':');
  return { authorization: `Basic ${Buffer.from(text).toString('base64')}` };
}

function decodedText(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, '');
}

function portOf({ port, protocol }: URL): number {
  return port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port);
}

/** The system's; where it has none, those that Node.js brings. */
function trustedAuthorities(more: readonly string[]): string[] {
  const system = getCACertificates('system');
  return [...(system.length > 0 ? system : getCACertificates('default')), ...more];
}
