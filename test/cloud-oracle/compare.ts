/** What of two replies to one step is compared: status, the form of an error, the headers that clients read, and the body. */
import { type Deviation, differences, type Reply } from '../oracle/compare.ts';
import type { Step } from './scenario.ts';
import type { Side } from './side.ts';

/** Headers whose value a client reads. */
const comparedHeaders = [
  ...['location', 'content-range', 'content-md5', 'openstack-image-import-methods', 'openstack-image-store-ids', 'allow'],
  ...['openstack-image-size', 'warning', 'accept-ranges', 'retry-after'],
];
/** Of which only the presence is compared. */
const presentHeaders = ['x-subject-token', 'x-openstack-request-id', 'www-authenticate', 'openstack-auth-receipt'];

/** What is shorter may stand in a text by chance. */
const shortestValue = 8;
const hexId = /(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])/g;
const uuid = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
/** Of a token. */
const audit = /^[\w-]{22}$/;
const time = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)?$/;

type Giver = Pick<Side, 'places' | 'values'>;
export type Given = { readonly reply: Reply; readonly side: Giver };

/** If the statuses differ, so does everything else: then only they are reported. */
export function differencesOf(step: Step, peer: Given, ingot: Given): Deviation[] {
  const { status } = peer.reply;
  if (status !== ingot.reply.status) return [{ at: 'status', peer: status, ingot: ingot.reply.status }];
  return differences('', seenOf(step, peer), seenOf(step, ingot));
}

/** The client's view of a reply, with names in place of what only this side has. */
export function seenOf(step: Step, { reply, side }: Given): Record<string, unknown> {
  const { headers } = reply;
  const named = naming(side);
  return {
    headers: Object.fromEntries([
      ...comparedHeaders.map((name) => [name, typeof headers[name] === 'string' ? named(headers[name]) : undefined]),
      ...presentHeaders.map((name) => [name, headers[name] !== undefined]),
      ['content-type', headers['content-type']?.split(';')[0]?.toLowerCase()],
    ]),
    body: reply.status >= 400 ? errorOf(reply.body, named) : shown(jsonOf(reply.body), step, named),
  };
}

type Naming = (text: string, key?: string) => string;

/** Base URLs, values that have names, other ids and times are replaced; what is short only where it is an id for sure. */
function naming({ places, values }: Giver): Naming {
  const short = [...values].filter(([, value]) => value.length < shortestValue);
  const known = [
    ...Object.entries(places).map(([name, url]) => [url, `{${name}}`] as const),
    ...[...values].filter(([, value]) => value.length >= shortestValue).map(([name, value]) => [value, `{${name}}`] as const),
  ].toSorted(([left], [right]) => right.length - left.length);
  return (text, key = '') => {
    let named = text;
    for (const [value, name] of known) named = named.replaceAll(value, name);
    for (const [name, value] of short)
      named =
        key === 'id' && named === value
          ? `{${name}}`
          : named.replace(new RegExp(`(?<=/(roles|prior_role|implies)/)${value}(?=/|$)`, 'g'), `{${name}}`);
    if (key === 'audit_ids' && audit.test(named)) return 'AUDIT';
    return named
      .replace(uuid, 'UUID')
      .replace(hexId, 'HEX')
      .replace(time, (_, fraction = '', zone = '') => `TIME${fraction && ` .${fraction.length - 1}`}${zone && ` ${zone}`}`);
  };
}

/** Each service has its own messages; only their presence is compared. */
function errorOf(body: string, named: Naming): unknown {
  const json = jsonOf(body);
  // Glance's errors are pages.
  if (typeof json === 'string') return /<title>(.*?)<\/title>/.exec(json)?.[1] ?? (json === '' ? '' : 'text');
  return withoutWords(plain(formOf(json), named));
}

/** Glance's errors as JSON have another form (WebOb's); clients read either. */
function formOf(json: unknown): unknown {
  const { title, code, message } = (json ?? {}) as Record<string, unknown>;
  const isWebOb = typeof title === 'string' && typeof code === 'string' && typeof message === 'string';
  return isWebOb ? { error: { code: Number.parseInt(code, 10), message, title } } : json;
}

const worded = new Set(['message', 'detail', 'description']);

function withoutWords(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutWords);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [
      key,
      worded.has(key) && typeof each === 'string' ? each !== '' : withoutWords(each),
    ]),
  );
}

function shown(body: unknown, { isOrdered, onlyNamed }: Step, named: Naming): unknown {
  const value = onlyNamed ? withNames(plain(body, named)) : plain(body, named);
  return isOrdered ? value : sorted(value);
}

function plain(value: unknown, named: Naming, key = ''): unknown {
  if (typeof value === 'string') return named(value, key);
  if (Array.isArray(value)) return value.map((each) => plain(each, named, key));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [named(key), plain(each, named, key)]));
}

function withNames(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const pick = (each: unknown) =>
    Array.isArray(each) ? each.filter((item) => /\{(?!identity|image|network)\w+\}/.test(JSON.stringify(item))) : each;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, pick(each)]));
}

/** Lists by their items' keys or text, so that an item which only one side has moves no other; members by their names. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) {
    const items = value.map(sorted);
    return keyed(items, keyOf) ?? keyed(items, textOf) ?? items.sort((left, right) => (textOf(left) < textOf(right) ? -1 : 1));
  }
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1));
  return Object.fromEntries(members.map(([key, each]) => [key, sorted(each)]));
}

function keyed(items: readonly unknown[], keyFor: (item: unknown) => string | undefined): Record<string, unknown> | undefined {
  const keys = items.map(keyFor);
  if (keys.includes(undefined) || new Set(keys).size < keys.length) return undefined;
  const members = items
    .map((item, index) => [`[${keys[index]}]`, item] as const)
    .sort(([left], [right]) => (left < right ? -1 : 1));
  return { '[]': 'a list', ...Object.fromEntries(members) };
}

type Item = { id?: unknown; name?: unknown } | null;
const isKey = (key: unknown): key is string => typeof key === 'string' && key !== 'HEX' && key !== 'UUID';
const keyOf = (item: unknown) => [item, (item as Item)?.id, (item as Item)?.name].find(isKey);
const textOf = (item: unknown) => JSON.stringify(item) ?? '';

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
