/** Compares two responses to one request: status, form of an error, and the body as a client sees it. */
import { isDeepStrictEqual } from 'node:util';
import type { Difference } from './row.ts';

export type Reply = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
};

/** `peer`: what the service that others wrote says. */
export type Deviation = { readonly at: string; readonly peer: unknown; readonly ingot: unknown };

/** Service-specific values on which no client can rely. */
const ownTable: readonly { readonly at: RegExp; readonly why: string }[] = [
  { at: /\.driver_internal_info(\.|$)/, why: 'private to the service' },
  { at: /^body\.reservation$/, why: 'Ironic shows the lock of the very request that is answered; Ingot takes none for a patch' },
  { at: /\.(created|updated|provision_updated|inspection_\w+)_at$/, why: 'times' },
];

const uuid = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;

/**
 * If the statuses differ, so does everything else: then only they are reported. @param known UUIDs chosen by the row;
 * others are replaced
 */
export function differencesFromDefault(ironic: Reply, ingot: Reply, known: ReadonlySet<string>): Deviation[] {
  const [one, other] = [seenOf(ironic, known), seenOf(ingot, known)];
  if (one['status'] !== other['status']) return [{ at: 'status', peer: ironic.status, ingot: ingot.status }];
  return differences('', one, other).filter(({ at }) => !ownTable.some((row) => row.at.test(at)));
}

/** The client's view of a response, without inherent differences. */
export function seenOf({ status, headers, body }: Reply, known: ReadonlySet<string>): Record<string, unknown> {
  return {
    status,
    // Before routing, and for an unsupported version, Ironic names no microversion; its clients read the range.
    version: status >= 400 ? undefined : headers['x-openstack-ironic-api-version'],
    hasLocation: headers['location'] !== undefined,
    body: status >= 400 ? errorOf(body) : plain(jsonOf(body), known),
  };
}

/** Each service has its own error messages; only their presence is compared. */
function errorOf(body: string): unknown {
  const json = jsonOf(body);
  if (typeof json !== 'object' || json === null || !('error_message' in json)) return body === '' ? '' : 'no error_message';
  const { error_message: message, ...others } = json as Record<string, unknown>;
  const inner = typeof message === 'string' ? jsonOf(message) : message;
  if (typeof inner !== 'object' || inner === null) return { ...others, error_message: typeof message };
  const { faultstring, description, ...rest } = inner as Record<string, unknown>;
  // Errors from Ironic's web framework have other members; clients read either.
  if (typeof description === 'string')
    return { ...others, error_message: { faultcode: 'Client', debuginfo: null, hasWords: true } };
  return { ...others, error_message: { ...rest, hasWords: typeof faultstring === 'string' && faultstring !== '' } };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function plain(value: unknown, known: ReadonlySet<string>): unknown {
  if (typeof value === 'string') return plainText(value, known);
  if (Array.isArray(value)) return value.map((item) => plain(item, known));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item, known)]));
}

function plainText(text: string, known: ReadonlySet<string>): string {
  return text
    .replace(/^http:\/\/[^/]+(\/baremetal)?/, 'BASE')
    .replace(uuid, (each) => (known.has(each) ? each : 'UUID'))
    .replace(/^\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00)$/, 'TIME');
}

/** Of two values of JSON, each with its place. */
export function differences(at: string, peer: unknown, ingot: unknown): Deviation[] {
  if (isDeepStrictEqual(peer, ingot)) return [];
  if (!isRecord(peer) || !isRecord(ingot)) return [{ at, peer, ingot }];
  const names = [...new Set([...Object.keys(peer), ...Object.keys(ingot)])];
  return names.flatMap((name) => differences(at === '' ? name : `${at}.${name}`, peer[name], ingot[name]));
}

/** Lists are compared item by item. */
function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

export type Verdict = { readonly result: 'same' | 'differs' | 'wrong'; readonly words: string };

/** Whether the differences are those that the row declares. */
export function judge(found: readonly Deviation[], differs: Difference | undefined): Verdict {
  if (found.length === 0) return differs ? { result: 'wrong', words: `differs no longer, though it says: ${differs.why}` } : same;
  const status = found.find(({ at }) => at === 'status');
  const places = found.flatMap(({ at }) => (at === 'status' ? [] : [at])).sort();
  const reported = isDeepStrictEqual(status && [status.peer, status.ingot], differs?.status) && hasAll(places, differs?.at ?? []);
  if (differs && reported) return { result: 'differs', words: differs.why };
  const words = found.map(({ at, peer, ingot }) => `${at}: peer ${inShort(peer)}, Ingot ${inShort(ingot)}`);
  return { result: 'wrong', words: words.join('\n') };
}

const same: Verdict = { result: 'same', words: '' };

function hasAll(places: readonly string[], reported: readonly string[]): boolean {
  return isDeepStrictEqual(places, [...reported].sort());
}

function inShort(value: unknown): string {
  return (JSON.stringify(value) ?? 'nothing').slice(0, 300);
}
