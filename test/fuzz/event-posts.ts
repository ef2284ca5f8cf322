/**
 * Event posts of BMCs, compressed or not, of any type and shape, to known or unknown addresses: up to their recipient.
 */
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { createHttp } from '#boot-server/http.ts';
import { MachineAddresses } from '#boot-server/machine-addresses.ts';
import { Plans } from '#boot-server/plans.ts';
import type { NodeFacts } from '#drivers/interfaces.ts';
import { EventPosts } from '#drivers/redfish/event-posts.ts';
import { createWatchPower } from '#drivers/redfish/events.ts';
import type { WithSystem } from '#drivers/redfish/find-system.ts';
import { aRecordingEngine } from '#test/a-recording-engine.ts';
import { RedfishError } from '#wire/redfish/redfish-client.ts';
import { pick, type Roll } from './dice.ts';
import { judgeReply } from './http-bodies.ts';
import { mutateJsonText } from './json-mutations.ts';
import { mutateBytes, swell } from './mutations.ts';
import type { Target } from './target.ts';

const uuid = '5f1f7c2e-0c7e-4b7e-9a4e-2f7f5b1d0001';
const node: NodeFacts = {
  ...{ id: 1, uuid, name: 'n1', driver: 'redfish', driver_info: {} },
  ...{ properties: {}, extra: {}, power_state: null, ports: [] },
};
const record = { MessageId: 'ResourceEvent.1.0.ResourceChanged', EventType: 'Alert', Context: `ingot ${uuid}`, EventId: '1' };
const events: readonly unknown[] = [
  { '@odata.type': '#Event.v1_7_0.Event', Events: [record, record], Context: `ingot ${uuid}` },
  {
    '@odata.type': '#Event.v1_2_1.Event',
    Events: [{ ...record, Context: 'ingot another', OriginOfCondition: { '@odata.id': '/x' } }],
  },
  { '@odata.type': '#MetricReport.v1_4_2.MetricReport', MetricValues: [{ MetricId: 'a', MetricValue: '7' }] },
  { Events: { 0: record }, Context: 7 },
];
const encodings = ['', 'gzip', 'x-gzip', ' GZIP ', 'deflate', 'br', 'identity', 'constructor', '__proto__', 'gzip, br'];
const packs = new Map<string, (body: Buffer) => Buffer>([
  ['gzip', gzipSync],
  ['deflate', deflateSync],
  ['br', brotliCompressSync],
]);
const types = ['application/json', 'text/plain', '', 'application/json; charset=x', 'multipart/form-data', '%00'];
/** Guesses or parts of the token that an attacker may have. */
const bends: readonly ((token: string, roll: Roll) => string)[] = [
  (token, roll) => token.slice(0, roll(token.length)),
  (token, roll) => token + roll(10),
  (token) => token.toUpperCase(),
  (token, roll) => mutateBytes(Buffer.from(token), roll).toString('hex'),
  (token, roll) => `${'0'.repeat(roll(300))}${token}`,
  (_, roll) => pick(['', '__proto__', 'constructor', 'toString', 'undefined', '%00', '..', '*', ':token'], roll),
];
/** A compressed body of a few kilobytes that is far larger when decompressed. */
const bomb = gzipSync(Buffer.alloc(24 * 1024 * 1024, ' '));

/**
 * First byte: encoding. Second: type. Third: 0 = to no recipient, otherwise the number of the mutation; then the body.
 */
export const eventPostTarget: Target = {
  ...{ name: 'events of bmcs, posts', share: 3, slowMs: 500 },
  async open() {
    const posts = new EventPosts(() => [{ url: 'https://192.0.2.9', selfSigned: true }]);
    let reported = 0;
    let token = '';
    const client = {
      get: async () => ({ body: { EventService: { '@odata.id': '/e' }, Subscriptions: { '@odata.id': '/s' } } }),
      members: async () => [],
      async post(_path: string, { Destination }: { Destination: string }) {
        token = Destination.split('/').at(-1) ?? '';
        return { headers: { location: '/s/1' }, body: {} };
      },
      delete: async () => {},
      async stream() {
        throw new RedfishError('unfit', { request: 'GET', detail: 'no stream' });
      },
    };
    const withSystem = (async (_question, work) => await work({ client, node } as never)) as WithSystem;
    const hint = () => {
      reported += 1;
    };
    const end = await createWatchPower(withSystem, posts)(node, hint, { signal: new AbortController().signal });
    const plans = new Plans(undefined);
    const parts: Parameters<typeof createHttp>[0] = {
      ...{
        engine: aRecordingEngine(),
        plans,
        addresses: new MachineAddresses({ plans, isServed: false }),
        tftpRoot: '/nonexistent',
        report: () => {},
      },
      ...{
        images: { disk: async () => Promise.reject(new Error('none')), extents: async () => Promise.reject(new Error('none')) },
        eventTaker: (given) => posts.taker(given),
      },
      log: { debug() {}, info() {}, warn() {}, error() {} } as never,
    };
    const app = createHttp(parts, 'all');
    await app.ready();
    return {
      make(roll) {
        const which = roll(encodings.length);
        const head = Buffer.of(which, roll(3) === 0 ? roll(types.length) : 0, roll(4) === 0 ? 0 : 1, roll(256), roll(256));
        if (roll(400) === 0) return Buffer.concat([Buffer.of(1), head.subarray(1), bomb]);
        const text = mutateJsonText(pick(events, roll), roll);
        const pack = packs.get((encodings[which] ?? '').trim().toLowerCase().replace('x-', ''));
        const body = pack && roll(5) > 0 ? pack(text) : text;
        return Buffer.concat([head, roll(600) === 0 ? swell(body, roll) : roll(6) === 0 ? mutateBytes(body, roll) : body]);
      },
      async feed(input) {
        const [which = 0, type = 0, isKnown = 0, bend = 0, seed = 0] = input;
        const guess = bends[bend % bends.length]?.(token, (below) => seed % Math.max(1, below)) ?? '';
        const isOurs = isKnown !== 0 || guess === token;
        const headers = {
          'content-type': types[type % types.length] ?? '',
          ...(encodings[which % encodings.length] && { 'content-encoding': encodings[which % encodings.length] }),
        };
        reported = 0;
        const url = `/redfish-events/${isOurs ? token : encodeURIComponent(guess)}`;
        const reply = await app.inject({ method: 'POST', url, headers, payload: input.subarray(5) });
        if (reported > 0 && !isOurs) throw new Error('somebody without the token was listened to');
        if (reply.statusCode === 200 && !isOurs) throw new Error('somebody without the token was answered');
        if (reported > 1) throw new Error('one post was told several times');
        return judgeReply(`POST ${url}`, reply.statusCode, reply.body === '' ? '' : reply.json());
      },
      async close() {
        await end?.();
        await app.close();
      },
    };
  },
};
