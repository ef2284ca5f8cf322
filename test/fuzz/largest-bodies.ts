/** The largest bodies that each route reads: each element of a valid body enlarged in every way, up to the limit. */
import { setImmediate } from 'node:timers/promises';
import { type ApiRequest, type ApiRoute, type FullApi, openFullApi } from './api-requests.ts';
import { judgeReply } from './http-bodies.ts';
import type { Target, Verdict } from './target.ts';

export type LargeBody = {
  readonly method: ApiRequest[0];
  readonly url: string;
  /** The route's pattern. */
  readonly route: string;
  /** The enlarged element of the body, and the kind of enlargement. */
  readonly how: string;
  make(): Buffer;
};

/** Placeholder for the enlarged value; no body contains it. */
const mark = '\u0001here\u0001';
const markText = JSON.stringify(mark);

const fill = (room: number, piece: (at: number) => string, separator = ','): string => {
  const parts: string[] = [];
  for (let size = 0; ; ) {
    const part = piece(parts.length);
    size += part.length + separator.length;
    if (size > room) return parts.join(separator);
    parts.push(part);
  }
};
const some = (count: number, piece: (at: number) => string): string =>
  Array.from({ length: count }, (_, at) => piece(at)).join(',');

/** Enlarged values, as JSON of at most `room` bytes. */
type Way = { readonly name: string; swell(value: unknown, room: number): string };

const texts: readonly Way[] = ['x', '0', ' ', '~1', '/', 'a/', '="', '..', '\\\\', 'é', '\\u0001', 'aa!', '^.*'].map((piece) => ({
  name: `text of ${piece}`,
  swell: (_, room) => `"${piece.repeat(Math.floor((room - 2) / Buffer.byteLength(piece)))}"`,
}));

const shapes: readonly Way[] = [
  { name: 'deep list', swell: (_, room) => '['.repeat(room / 2) + ']'.repeat(room / 2) },
  { name: 'deep objects', swell: (_, room) => `${'{"a":'.repeat(room / 6 - 1)}1${'}'.repeat(room / 6 - 1)}` },
  { name: 'as deep as may be', swell: (_, room) => `[${fill(room, () => `${'['.repeat(80)}${']'.repeat(80)}`)}]` },
  { name: 'list of numbers', swell: (_, room) => `[${fill(room, () => '0')}]` },
  { name: 'list of texts', swell: (_, room) => `[${fill(room, (at) => `"${at}"`)}]` },
  { name: 'list of objects', swell: (_, room) => `[${fill(room, () => '{}')}]` },
  { name: 'the same again', swell: (value, room) => `[${fill(room, () => JSON.stringify(itemOf(value)))}]` },
  { name: 'the same, numbered', swell: (value, room) => `[${fill(room, (at) => numbered(itemOf(value), at))}]` },
  ...[16, 64, 128, 1_000].map((count) => ({
    name: `${count} of the same`,
    swell: (value: unknown) => `[${some(count, (at) => numbered(itemOf(value), at))}]`,
  })),
  { name: 'keys', swell: (value, room) => `{${fill(room, (at) => `"k${at}":${pairOf(value)}`)}}` },
  { name: 'more keys', swell: (value, room) => `{${insideOf(value)}${fill(room, (at) => `"k${at}":${pairOf(value)}`)}}` },
  { name: 'one key again', swell: (value, room) => `{${insideOf(value)}${fill(room, () => `"k":${pairOf(value)}`)}}` },
  ...[128, 1_000].map((count) => ({
    name: `${count} large keys`,
    swell: (_: unknown, room: number) => `{${some(count, (at) => `"k${at}":"${'x'.repeat(Math.max(room / count - 12, 1))}"`)}}`,
  })),
];

const itemOf = (value: unknown): unknown => (Array.isArray(value) ? (value[0] ?? {}) : value);
const numbered = (value: unknown, at: number): string =>
  JSON.stringify(value, (_, inner) => (typeof inner === 'string' && inner.length > 3 ? `${inner}${at}` : inner)) ?? 'null';

function pairOf(value: unknown): string {
  const [first = 'v'] = typeof value === 'object' && value !== null ? Object.values(value) : [];
  return typeof first === 'object' ? '"v"' : JSON.stringify(first);
}

function insideOf(value: unknown): string {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return '';
  const text = JSON.stringify(value).slice(1, -1);
  return text === '' ? '' : `${text},`;
}

/** The body once for each of its elements, with the placeholder there, and the original value. */
function* placesOf(body: unknown, path = ''): Generator<{ path: string; value: unknown; marked: unknown }> {
  yield { path: path || '/', value: body, marked: mark };
  if (typeof body !== 'object' || body === null) return;
  for (const [key, inner] of Object.entries(body)) {
    for (const place of placesOf(inner, `${path}/${key}`)) {
      const marked = Array.isArray(body) ? body.with(Number(key), place.marked) : { ...body, [key]: place.marked };
      yield { ...place, marked };
    }
  }
}

/** For each request of the table, and an empty object for each route without one. */
export function largestBodies({ routes, requestTable }: Pick<FullApi, 'routes' | 'requestTable'>): LargeBody[] {
  const changing = routes.filter(({ method, url }) => !['GET', 'HEAD', 'OPTIONS'].includes(method) && !url.includes('*'));
  const rows = requestTable.map((request) => ({ request, route: changing.find((route) => fits(route, request)) }));
  const left = changing.filter((route) => rows.every((row) => row.route !== route));
  const empty = left.map((route) => {
    const request: ApiRequest = [route.method as ApiRequest[0], route.url.replace(/:\w+/g, 'n1'), {}];
    return { request, route };
  });
  return [...rows, ...empty].flatMap(({ request, route }) => (route ? bodiesOf(request, route) : []));
}

function fits(route: ApiRoute, [method, url]: ApiRequest): boolean {
  const pattern = route.url.replace(/:\w+/g, '[^/]+');
  return route.method === method && new RegExp(`^${pattern}$`).test(url.split('?')[0] ?? '');
}

function bodiesOf([method, url, body]: ApiRequest, { url: route, bodyLimit }: ApiRoute): LargeBody[] {
  return [...placesOf(body)].flatMap(({ path, value, marked }) => {
    const around = JSON.stringify(marked);
    const room = bodyLimit - around.length - 8;
    return [...texts, ...shapes].map(({ name, swell }): LargeBody => {
      const make = () => Buffer.from(around.replace(markText, () => swell(value, room))).subarray(0, bodyLimit);
      return { method, url, route, how: `${path}: ${name}`, make };
    });
  });
}

export async function send({ fixture }: FullApi, { method, url }: LargeBody, payload: Buffer) {
  const isImagePatch = method === 'PATCH' && url.startsWith('/image');
  const type = isImagePatch ? 'application/openstack-images-v2.1-json-patch' : 'application/json';
  const versions = { 'x-openstack-nova-api-version': '2.90', 'x-openstack-ironic-api-version': '1.115' };
  return fixture.ask({ method, url, payload, headers: { 'content-type': type, ...versions } });
}

/** Processor milliseconds of the longest block of the event loop. */
export async function heldBy<T>(work: () => Promise<T>): Promise<{ result: T; heldMs: number }> {
  let [isOver, heldMs] = [false, 0];
  const watch = (async () => {
    for (let before = process.threadCpuUsage(); !isOver; before = process.threadCpuUsage()) {
      await setImmediate();
      const { user, system } = process.threadCpuUsage(before);
      heldMs = Math.max(heldMs, (user + system) / 1000);
    }
  })();
  const result = await work().finally(() => {
    isOver = true;
  });
  await watch;
  return { result, heldMs };
}

const quietEvery = 20;
const headBytes = 4;

/** An input is the number of the body, which is regenerated on replay. */
export const largestBodiesTarget: Target = {
  ...{ name: 'public api, largest bodies', share: 1, slowMs: 1_500, grows: true },
  async open() {
    const api = await openFullApi();
    const bodies = largestBodies(api);
    let requests = 0;
    return {
      make(roll) {
        const input = Buffer.alloc(headBytes);
        input.writeUInt32LE(roll(bodies.length));
        return input;
      },
      async feed(input): Promise<Verdict> {
        const large = bodies[input.readUInt32LE() % bodies.length] as LargeBody;
        const { status, body } = await send(api, large, large.make());
        if (++requests % quietEvery === 0) await api.fixture.quiet();
        return judgeReply(`${large.method} ${large.url} (${large.how})`, status, body);
      },
      close: () => api.fixture.close(),
    };
  },
};
