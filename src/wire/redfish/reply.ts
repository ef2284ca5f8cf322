/** Converts a raw response into a RedfishReply or a RedfishError. */
import { STATUS_CODES } from '#node-http/http.ts';
import type { Incoming } from './exchange.ts';
import { errorMessages, isObject, type Message, plainMessage } from './messages.ts';
import { type Json, RedfishError, type RedfishFailure, type RedfishReply, type Resource } from './redfish-client.ts';

/** What an error may name, and the passwords that it must not repeat even if the service does. */
export type Asked = {
  readonly request: string;
  readonly secrets?: readonly string[];
  /** The credentials were accepted just now: a 401 concerns this request only. */
  readonly isKnown?: boolean;
};

/**
 * The status decides: a successful change stays successful, whatever the body contains.
 * @throws RedfishError for a status other than 2xx unless the body holds the resource anyway, and for a GET whose body
 * is not a JSON object
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
  // An empty ETag counts as none: in If-Match it matches nothing.
  const etag = headers['etag'] || (typeof own === 'string' && own !== '' ? own : undefined);
  return { status, headers, body: parsed, etag, bytes: body.length };
}

/**
 * OpenBMC returns 500 if it could not read one part of a resource, and still includes all the others: a failed memory
 * module must not hide the power state.
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

/** Resources have about ten levels. A level takes 5 bytes in JSON but 100 in memory: deeper ones are rejected. */
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

/** @returns the object, or a description of what is wrong with it */
function parse({ headers, body }: Incoming): Resource | string {
  if (isDeep(body)) return `the reply is nested more than ${mostLevels} levels deep`;
  const text = plainBody(body);
  const value = parseJson(text) ?? parseJson(escapeControls(text));
  if (value !== undefined) return isObject(value) ? value : 'the reply is JSON, but no object';
  // Some services label their JSON text/html: the type is checked only if parsing fails.
  const type = headers['content-type'] ?? '';
  const isOther = type !== '' && !/\bjson\b/i.test(type);
  return isOther ? `the reply is '${type.slice(0, 60)}', not JSON` : `the reply is no JSON (${body.length} bytes)`;
}

/** NUL, tab, line feed, carriage return, space. */
const blanks: readonly number[] = [0, 9, 10, 13, 32];

/** Strips a byte order mark, and trailing white space and NULs of C strings. */
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

/** TypeScript's type lacks the third argument (ECMAScript's "JSON.parse source text access"). */
type Reviver = (this: unknown, key: string, value: unknown) => unknown;

/**
 * Keeps numbers that a double cannot represent as their source text: serial numbers and identifiers that a service
 * did not quote. A number beyond the range of doubles (`1e400`) is treated as absent.
 */
function keepDigits(_key: string, value: Json, { source }: { source?: string }): Json {
  if (typeof value !== 'number' || source === undefined) return value;
  if (!Number.isFinite(value)) return null;
  if (!Number.isInteger(value) || Number.isSafeInteger(value)) return value;
  return /^-?\d+$/.test(source) || /\d{16}/.test(source.replace('.', '')) ? source : value;
}

/**
 * Escapes raw control characters in strings (RFC 8259 section 7): text copied from FRU data and sensors.
 * Linear in the input size, because the input is untrusted.
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
  // An HTML page or a truncated object is of no use in an error message.
  return /^[<{[]/.test(text) ? [] : plainMessage(text.replace(/^"|"$/g, ''));
}

type ErrorContext = {
  request: string;
  status?: number;
  lacksPrivilege?: boolean;
  messages: readonly Message[];
  secrets?: readonly string[];
  what?: string;
};

/** `what`: description of the failure, used if there is no status. */
export function withMessages(failure: RedfishFailure, context: ErrorContext): RedfishError {
  const { request, status, messages, secrets = [] } = context;
  const texts = messages.map(({ text, id }) => mask(text || id, secrets));
  const what = context.what ?? `${status} ${STATUS_CODES[status ?? 0] ?? ''}`.trim();
  const detail = [what, ...texts.slice(0, 5)].join('; ');
  const ids = messages.map(({ id }) => id);
  return new RedfishError(failure, {
    request,
    detail,
    messages: texts,
    messageIds: ids,
    ...(status !== undefined && { status }),
    ...(context.lacksPrivilege !== undefined && { lacksPrivilege: context.lacksPrivilege }),
  });
}

function mask(text: string, secrets: readonly string[]): string {
  return secrets.filter((secret) => secret.length > 2).reduce((masked, secret) => masked.replaceAll(secret, '***'), text);
}

/** Values of a request body that must not appear in an error: services echo rejected values. */
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

/** `https://user:password@host/image.iso`, both encoded and decoded. */
function passwordIn(text: string): string[] {
  const { password = '' } = text.includes('://') && URL.canParse(text) ? new URL(text) : {};
  if (password === '') return [];
  const [, written = password] = /:\/\/[^/?#]*?:([^/?#]*)@/.exec(text) ?? [];
  return [...new Set([password, written, decodeSafely(password)])];
}

/** `https://host/image.iso?token=…`: a signed URL grants access to the file. */
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
