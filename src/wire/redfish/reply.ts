/** Bytes of a reply to a RedfishReply, or to the RedfishError that it is. */
import { STATUS_CODES } from 'node:http';
import type { Incoming } from './exchange.ts';
import { errorMessages, isObject, type Message, plainMessage } from './messages.ts';
import { type Json, RedfishError, type RedfishFailure, type RedfishReply, type Resource } from './redfish-client.ts';

/** What may be named in an error, and what never may: passwords that the service could repeat in its words. */
export type Asked = {
  readonly request: string;
  readonly secrets?: readonly string[];
  /** The service has just taken user and password: a 401 is about this request alone. */
  readonly isKnown?: boolean;
};

/**
 * The status decides: what was changed is changed, whatever the body says of it.
 * @throws RedfishError for any other status than 2xx that does not hold the resource all the same, and for a GET whose body is
 * no JSON object
 */
export function readReply(incoming: Incoming, asked: Asked): RedfishReply {
  const { status, headers, body } = incoming;
  const isRead = asked.request.startsWith('GET ');
  const isGood = (status >= 200 && status <= 299) || isAllTheSame(incoming, asked);
  if (!isGood) throw toError(incoming, asked);
  const read = body.length === 0 ? {} : parse(incoming);
  const parsed = typeof read === 'string' && !isRead ? {} : read;
  if (typeof parsed === 'string') throw new RedfishError('unfit', { request: asked.request, detail: parsed, status });
  const own = parsed['@odata.etag'];
  // An empty one is none: sent back, it matches nothing.
  const etag = headers['etag'] || (typeof own === 'string' && own !== '' ? own : undefined);
  return { status, headers, body: parsed, etag, bytes: body.length };
}

/**
 * OpenBMC answers 500 for a resource of which it could not read one part, and sends all the others with it: that a memory
 * module fails shall not hide whether the machine is on.
 */
function isAllTheSame(incoming: Incoming, { request }: Asked): boolean {
  if (incoming.status !== 500 || !request.startsWith('GET ')) return false;
  const body = parse(incoming);
  const own = typeof body === 'string' ? undefined : body['@odata.id'];
  return typeof own === 'string' && withoutSlash(own) === withoutSlash(request.slice('GET '.length));
}

function withoutSlash(path: string): string {
  return path.replace(/\/+$/, '');
}

/** Resources have ten or so. Five bytes make a level, and in memory a hundred: what nobody needs is not built. */
const mostLevels = 100;
const marks = { open: [0x7b, 0x5b], close: [0x7d, 0x5d], quote: 0x22, backslash: 0x5c } as const;

function isOneOf([one, other]: readonly [number, number], byte: number): boolean {
  return byte === one || byte === other;
}

function isDeep(json: Buffer): boolean {
  let level = 0;
  let isText = false;
  for (let at = 0; at < json.length; at++) {
    const byte = json[at] ?? 0;
    if (isText && byte === marks.backslash) at++;
    else if (byte === marks.quote) isText = !isText;
    else if (!isText && isOneOf(marks.open, byte) && ++level > mostLevels) return true;
    else if (!isText && isOneOf(marks.close, byte)) level--;
  }
  return false;
}

/** @returns the object, or in words what is wrong with it */
function parse({ headers, body }: Incoming): Resource | string {
  if (isDeep(body)) return `the reply is nested more than ${mostLevels} levels deep`;
  const text = plainBody(body);
  const value = parseJson(text) ?? parseJson(escapeControls(text));
  if (value !== undefined) return isObject(value) ? value : 'the reply is JSON, but no object';
  // Some services call their JSON text/html: only what is none is judged by its type.
  const type = headers['content-type'] ?? '';
  const isOther = type !== '' && !/\bjson\b/i.test(type);
  return isOther ? `the reply is '${type.slice(0, 60)}', not JSON` : `the reply is no JSON (${body.length} bytes)`;
}

/** NUL, tab, line ends, blank. */
const blanks: readonly number[] = [0, 9, 10, 13, 32];

/** Without a byte order mark before the text and the NULs of C strings behind it. */
function plainBody(body: Buffer): string {
  let end = body.length;
  while (end > 0 && blanks.includes(body[end - 1] ?? -1)) end--;
  const text = body.toString('utf8', 0, end);
  return text.startsWith('\uFEFF') ? text.slice(1) : text;
}

function parseJson(text: string): Json | undefined {
  try {
    return JSON.parse(text, keepDigits as Reviver) as Json;
  } catch {
    return undefined;
  }
}

/** TypeScript's own type knows no third argument yet (ECMAScript's "JSON.parse source text access"). */
type Reviver = (this: unknown, key: string, value: unknown) => unknown;

/**
 * Numbers that a double cannot hold stay as they were written, digit by digit: serial numbers and identifiers that a
 * service forgot to quote. One beyond all doubles (`1e400`) is none.
 */
function keepDigits(_key: string, value: Json, { source }: { source?: string }): Json {
  if (typeof value !== 'number' || source === undefined) return value;
  if (!Number.isFinite(value)) return null;
  if (!Number.isInteger(value) || Number.isSafeInteger(value)) return value;
  return /^-?\d+$/.test(source) || /\d{16}/.test(source.replace('.', '')) ? source : value;
}

/**
 * Raw control characters within strings, which RFC 8259 section 7 wants escaped: texts copied from FRU data and sensors.
 * One pass, whatever the text is: it comes from a BMC.
 */
function escapeControls(text: string): string {
  let escaped = '';
  let from = 0;
  let isText = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (isText && code === marks.backslash) at++;
    else if (code === marks.quote) isText = !isText;
    else if (isText && code < 0x20) {
      escaped += `${text.slice(from, at)}\\u${code.toString(16).padStart(4, '0')}`;
      from = at + 1;
    }
  }
  return escaped + text.slice(from);
}

function toError(incoming: Incoming, { request, secrets = [], isKnown }: Asked): RedfishError {
  const { status } = incoming;
  const messages = messagesOf(incoming);
  const failure = status === 401 || status === 403 ? 'refused' : 'answered';
  return withMessages(failure, { request, status, messages, secrets, ...(isKnown && { lacksPrivilege: true }) });
}

function messagesOf(incoming: Incoming): Message[] {
  const body = parse(incoming);
  if (typeof body !== 'string') return errorMessages(body);
  const text = incoming.body.toString('utf8', 0, 2_000).trim();
  // A page for browsers helps nobody, half an object neither.
  return /^[<{[]/.test(text) ? [] : plainMessage(text.replace(/^"|"$/g, ''));
}

type Told = {
  request: string;
  status?: number;
  lacksPrivilege?: boolean;
  messages: readonly Message[];
  secrets?: readonly string[];
  what?: string;
};

/** `what`: what happened, where no status says it. */
export function withMessages(failure: RedfishFailure, told: Told): RedfishError {
  const { request, status, messages, secrets = [] } = told;
  const texts = messages.map(({ text, id }) => mask(text || id, secrets));
  const what = told.what ?? `${status} ${STATUS_CODES[status ?? 0] ?? ''}`.trim();
  const detail = [what, ...texts.slice(0, 5)].join('; ');
  const ids = messages.map(({ id }) => id);
  return new RedfishError(failure, {
    request,
    detail,
    messages: texts,
    messageIds: ids,
    ...(status !== undefined && { status }),
    ...(told.lacksPrivilege !== undefined && { lacksPrivilege: told.lacksPrivilege }),
  });
}

function mask(text: string, secrets: readonly string[]): string {
  return secrets.filter((secret) => secret.length > 2).reduce((masked, secret) => masked.replaceAll(secret, '***'), text);
}

/** Values of a request's body that must not come back in an error: services repeat what they did not like. */
export function secretsIn(value: Json | Resource | undefined): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => {
    if (typeof inner === 'string') return [...passwordIn(inner), ...signaturesIn(inner), ...secretText(name, inner)];
    return secretsIn(inner as Json);
  });
}

function secretText(name: string, text: string): string[] {
  return /password|passphrase|secret|token|credential/i.test(name) ? [text] : [];
}

/** `https://user:password@host/image.iso`, as it stands there and as it is meant. */
function passwordIn(text: string): string[] {
  const { password = '' } = text.includes('://') && URL.canParse(text) ? new URL(text) : {};
  if (password === '') return [];
  const [, written = password] = /:\/\/[^/?#]*?:([^/?#]*)@/.exec(text) ?? [];
  return [...new Set([password, written, decodeSafely(password)])];
}

/** `https://host/image.iso?token=…`: whoever has such an URL may fetch what it names. */
function signaturesIn(text: string): string[] {
  if (!text.includes('://')) return [];
  const pairs = text.matchAll(/[?&]([^=&#]*)=([^&#]+)/g);
  const secrets = [...pairs].flatMap(([, name = '', value = '']) =>
    signatureName.test(name) ? [value, decodeSafely(value)] : [],
  );
  return [...new Set(secrets)];
}

const signatureName = /pass|pwd|token|secret|key|signature|sig$|auth/i;

function decodeSafely(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
