import type { Trust } from '#wire/http/http-exchange.ts';
import { type DriverInfo, readDriverInfo } from '../driver-info.ts';
import type { NodeFacts, Properties } from '../interfaces.ts';

const places = '{node} or {system_id} (UUID) and {name} are filled in';

export const webhookProperties: Properties = {
  power_on_uri: { help: `URL that switches the machine on; ${places}.`, required: true },
  power_off_uri: { help: `URL that switches the machine off; ${places}.`, required: true },
  power_query_uri: { help: `URL that tells the power state of the machine; ${places}.`, required: true },
  power_on_regex: {
    help: 'Regular expression that the answer of power_query_uri matches when the machine is on.',
    default: 'status.*\\:.*running',
  },
  power_off_regex: {
    help: 'Regular expression that the answer of power_query_uri matches when the machine is off.',
    default: 'status.*\\:.*stopped',
  },
  power_method: { help: 'HTTP method of power_on_uri and power_off_uri: POST, PUT, PATCH or GET.', default: 'POST' },
  power_query_method: { help: 'HTTP method of power_query_uri: GET or POST.', default: 'GET' },
  power_token: { help: 'Token sent as `Authorization: Bearer`, in place of power_user and power_pass.', secret: true },
  power_user: { help: 'User for basic authentication.' },
  power_pass: { help: 'Password for basic authentication.', secret: true },
  power_headers: { help: 'Further headers of each request: an object of names and values.', secret: true },
  power_verify_ssl: { help: 'y: the certificate must be good; n: any will do, the network is trusted instead.', default: 'y' },
  power_ca: { help: 'Certificate authorities (PEM) to trust in place of those of this host.' },
  power_fingerprint: { help: 'SHA-256 of the one certificate to trust (64 hexadecimal digits, colons allowed).' },
  power_timeout: { help: 'Seconds for one request.', default: '15' },
};

export type WebhookSettings = {
  readonly urls: { readonly on: URL; readonly off: URL; readonly query: URL };
  readonly patterns: { readonly on: RegExp; readonly off: RegExp };
  readonly methods: { readonly command: string; readonly query: string };
  readonly headers: Readonly<Record<string, string>>;
  /** Texts to mask wherever they appear. */
  readonly secrets: readonly string[];
  readonly trust: Trust;
  /** Milliseconds. */
  readonly timeout: number;
};

/** @throws Fault `driverInfo` */
export function readWebhookSettings(node: NodeFacts): WebhookSettings {
  const info = readDriverInfo(node);
  const own = readHeaders(info, node.driver_info['power_headers']);
  const pass = info.text('power_pass');
  const token = info.text('power_token');
  const authorization = authorizationOf(info.text('power_user'), { pass, token });
  const urls = {
    on: readUrl(info, 'power_on_uri', node),
    off: readUrl(info, 'power_off_uri', node),
    query: readUrl(info, 'power_query_uri', node),
  };
  return {
    urls,
    patterns: {
      on: readPattern(info, 'power_on_regex', 'status.*\\:.*running'),
      off: readPattern(info, 'power_off_regex', 'status.*\\:.*stopped'),
    },
    methods: {
      command: info.choice('power_method', ['post', 'put', 'patch', 'get'], 'post').toUpperCase(),
      query: info.choice('power_query_method', ['get', 'post'], 'get').toUpperCase(),
    },
    // The first three headers are those that MAAS sends.
    headers: { accept: 'application/json', 'user-agent': 'Ingot', system_id: node.uuid, ...authorization, ...own },
    secrets: [
      pass,
      token,
      ...[authorization, own].flatMap(secretsOf),
      ...Object.values(urls).flatMap((url) => urlSecretsOf(url, node)),
    ]
      .filter((text) => text.length > 3)
      // Longest first, since one secret may contain another.
      .toSorted((left, right) => right.length - left.length),
    trust: readTrust(info),
    timeout: info.whole('power_timeout', { min: 1, max: 300, default: 15 }) * 1000,
  };
}

/** Each header value, and the credentials after `Basic` or `Bearer` in it. */
function secretsOf(headers: Readonly<Record<string, string>>): string[] {
  return Object.values(headers).flatMap((text) => [text, text.slice(text.indexOf(' ') + 1)]);
}

/** Values of a query, and path segments that look like keys: many services take one there. Encoded and decoded. */
function urlSecretsOf({ pathname, search }: URL, { uuid, name }: NodeFacts): string[] {
  const names = [uuid, name ?? uuid];
  const isKey = (text: string) => /^[\w.~=+-]{16,}$/.test(text) && /\d/.test(text) && /[A-Za-z]/.test(text);
  const values = search.split(/[?&]/).map((pair) => pair.slice(pair.indexOf('=') + 1));
  const keys = pathname.split('/').filter((part) => isKey(decoded(part)));
  return [...values, ...keys].filter((text) => !names.includes(decoded(text))).flatMap((text) => [text, decoded(text)]);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return text;
  }
}

function readUrl(info: DriverInfo, key: string, { uuid, name }: NodeFacts): URL {
  const fields: Readonly<Record<string, string>> = { node: uuid, system_id: uuid, name: name ?? uuid };
  const text = info.required(key).replace(/\{(\w*)\}/g, (_, field: string) => {
    const value = Object.hasOwn(fields, field) ? fields[field] : undefined;
    if (value === undefined) throw info.wrong(`${key}: {${field}} is not among {node}, {system_id} and {name}`);
    return encodeURIComponent(value);
  });
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'https:' && url?.protocol !== 'http:') throw info.wrong(`${key} must be an http or https URL`);
  if (url.username || url.password) throw info.wrong(`${key} must not hold a password: use power_user and power_pass`);
  return url;
}

function readPattern(info: DriverInfo, key: string, fallback: string): RegExp {
  const text = info.text(key) || fallback;
  // Python, which MAAS uses, writes flags in front.
  const [, flags = '', source = ''] = /^(?:\(\?([ims]+)\))?(.*)$/s.exec(text) ?? [];
  try {
    return new RegExp(source, [...new Set(flags)].join(''));
  } catch (error) {
    throw info.wrong(`${key} is no regular expression: ${(error as Error).message}`);
  }
}

function readHeaders(info: DriverInfo, value: unknown): Record<string, string> {
  if (value === undefined || value === null || value === '') return {};
  const headers = typeof value === 'string' ? parsed(value) : value;
  const isObject = typeof headers === 'object' && headers !== null && !Array.isArray(headers);
  const entries = isObject ? Object.entries(headers) : [];
  const isHeader = ([name, text]: [string, unknown]) =>
    /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name) && typeof text === 'string' && /^[\t\x20-\x7e]*$/.test(text);
  if (!isObject || !entries.every(isHeader)) throw info.wrong('power_headers must be an object of header names and texts');
  return Object.fromEntries(entries.map(([name, text]) => [name.toLowerCase(), String(text)]));
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

function authorizationOf(user: string, { pass, token }: { pass: string; token: string }): Record<string, string> {
  if (token) return { authorization: `Bearer ${token}` };
  if (!user) return {};
  return { authorization: `Basic ${Buffer.from(`${user}:${pass}`).toString('base64')}` };
}

function readTrust(info: DriverInfo): Trust {
  const fingerprint = info.text('power_fingerprint').replaceAll(':', '').toLowerCase();
  const ca = info.text('power_ca');
  if (fingerprint !== '') {
    if (/^[0-9a-f]{64}$/.test(fingerprint)) return { by: 'fingerprint', sha256: fingerprint };
    throw info.wrong('power_fingerprint must be 64 hexadecimal digits');
  }
  if (ca !== '' && !ca.includes('-----BEGIN CERTIFICATE-----')) throw info.wrong('power_ca must be certificates in PEM');
  const verifies = info.choice('power_verify_ssl', ['y', 'n', 'true', 'false'], 'y');
  if (verifies === 'n' || verifies === 'false') return { by: 'nothing' };
  return { by: 'authority', ...(ca && { ca }) };
}
