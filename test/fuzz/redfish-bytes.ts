/** Parsers of a Redfish service's output alone: responses, errors, links, collections, tasks and event streams. */
import { readMembers } from '#wire/redfish/collection.ts';
import { linkOf, pathOf, redirectedPath } from '#wire/redfish/links.ts';
import { complaints, errorMessages, readMessages } from '#wire/redfish/messages.ts';
import { type Json, RedfishError, type RedfishReply } from '#wire/redfish/redfish-client.ts';
import { readReply, secretsIn } from '#wire/redfish/reply.ts';
import { createEventParser } from '#wire/redfish/server-sent-events.ts';
import { followTask, retryAfter } from '#wire/redfish/task-monitor.ts';
import { pick } from './dice.ts';
import { type AnyJson, mutateJson, mutateJsonText } from './json-mutations.ts';
import { mutateBytes } from './mutations.ts';
import { diceOf, type Fixture, readerTarget, seedInput, type Target } from './target.ts';

const info = { MessageId: 'Base.1.8.Success', Message: 'y', MessageArgs: ['a'], Severity: 'OK', Resolution: 'None' };
const bodies: readonly AnyJson[] = [
  { '@odata.id': '/redfish/v1/Systems/1', '@odata.etag': 'W/"1"', PowerState: 'On', Boot: { BootSourceOverrideTarget: 'Pxe' } },
  { error: { code: 'Base.1.8.GeneralError', message: 'x', '@Message.ExtendedInfo': [info, info] } },
  { Id: '7', TaskState: 'Running', PercentComplete: 40, Messages: [info], 'A@Message.ExtendedInfo': { Message: 'q' } },
  {
    Members: [{ '@odata.id': '/a' }, { '@odata.id': '/b' }],
    'Members@odata.nextLink': '/redfish/v1/x?$skip=1',
    Password: 'secret',
  },
  { '@odata.type': '#Task.v1_4_3.Task', TaskState: 'Completed', TaskStatus: 'OK', TaskMonitor: '/m' },
];
const statuses = [200, 201, 202, 204, 400, 401, 403, 404, 412, 500, 503];
const contentTypes = ['application/json', 'application/json;charset=utf-8', '', 'text/html', 'application/problem+json', 'x'];

const isRedfishError = (error: Error) => error instanceof RedfishError;

/** First byte: the status. Second: the content type. */
const replyTarget = readerTarget({
  name: 'redfish replies',
  share: 8,
  seeds: () => bodies.map((body) => Buffer.from(JSON.stringify(body))),
  mutate(seed, roll) {
    const body = roll(3) === 0 ? mutateBytes(seed, roll) : mutateJsonText(JSON.parse(seed.toString()), roll);
    return Buffer.concat([Buffer.of(roll(256), roll(256)), body]);
  },
  refuses: isRedfishError,
  read(input) {
    const [status = 0, type = 0] = input;
    const headers = {
      'content-type': contentTypes[type % contentTypes.length] ?? '',
      'retry-after': input.toString('latin1', 2, 8),
    };
    const incoming = { status: statuses[status % statuses.length] ?? 200, headers, body: input.subarray(2) };
    const { body } = readReply(incoming, { request: 'GET /x', secrets: ['secret', 'x'] });
    complaints(body, Object.keys(body).slice(0, 50));
    errorMessages(body);
    secretsIn(body);
    const wait = retryAfter(headers);
    if (wait !== undefined && !(wait >= 0)) throw new Error(`a wait of ${wait} ms`);
    for (const value of Object.values(body)) checkLinks(value);
  },
});

/** Whatever a link contains, requests go only to the service. */
function checkLinks(value: Json): void {
  for (const path of [pathOf(value), linkOf(value)])
    if (path !== undefined && !path.startsWith('/') && !isOpaque(value)) throw new Error(`a link to ${path}`);
  const target = redirectedPath(typeof value === 'string' ? value : undefined, 'https://bmc.example');
  if (target !== undefined && !target.startsWith('/')) throw new Error(`a redirect to ${target}`);
  readMessages(value);
}

/** `javascript:1` and its like have no path, so no request can follow them. */
function isOpaque(value: Json): boolean {
  const link =
    typeof value === 'string'
      ? value
      : typeof value === 'object' && value !== null && !Array.isArray(value)
        ? value['@odata.id']
        : '';
  return /^\s*[a-z][a-z\d+.-]*:/i.test(String(link));
}

const streams = [
  'id: 1\r\ndata: {"Events":[{"MessageId":"ResourceEvent.1.0.ResourceChanged"}]}\r\n\r\n: ping\n\n',
  'data: {"a":\ndata: 1}\n\nid\n\nretry: 7\r\r',
].map((text) => Buffer.from(text));

const streamTarget = readerTarget({
  name: 'redfish event streams',
  share: 4,
  seeds: () => streams,
  refuses: (error) => /without end$/.test(error.message),
  read(input) {
    const parse = createEventParser(({ body }) => {
      if (typeof body !== 'object' || body === null || Array.isArray(body)) throw new Error('an event that is no object');
    });
    const size = 1 + ((input[0] ?? 0) % 64) * 16;
    const text = input.toString('utf8');
    for (let at = 0; at < text.length; at += size) parse(text.slice(at, at + size));
  },
});

/** Request limit above which a collection or a task counts as endless. */
const mostQuestions = 45_000;
const fullPage = 2_000;

/** Pages and tasks with arbitrary links, including ones back to the start. */
const walkTarget: Target = {
  name: 'redfish collections and tasks',
  share: 3,
  slowMs: 1_500,
  open: (): Fixture => ({
    make: seedInput,
    async feed(input) {
      const roll = diceOf(input);
      let questions = 0;
      const get = async (): Promise<RedfishReply> => {
        if (++questions > mostQuestions) throw new Error('it asks without end');
        const isLong = roll(400) === 0;
        const page: AnyJson = isLong
          ? { Members: Array.from({ length: fullPage }, () => ({ Id: '1' })), 'Members@odata.nextLink': `/p${questions}` }
          : pick(bodies, roll);
        const body = Buffer.from(JSON.stringify(roll(3) === 0 || isLong ? page : mutateJson(page, roll)) ?? 'null');
        const headers = { 'content-type': 'application/json', location: '/m', 'retry-after': '0' };
        return readReply(
          { status: roll(8) === 0 ? pick(statuses, roll) : pick([200, 202], roll), headers, body },
          { request: 'GET /x' },
        );
      };
      try {
        if (roll(2) === 0)
          await readMembers('/x', { get, expand: roll(2) ? '$expand=.' : undefined, cannotExpand: () => {}, leftOut: () => {} });
        else await followTask(await get(), { request: 'POST /x', get, timeout: 20, pause: 0 });
        return { read: true };
      } catch (error) {
        if (!(error instanceof RedfishError)) throw error;
        return { read: false, reason: error.message };
      }
    },
  }),
};

export const redfishByteTargets: readonly Target[] = [replyTarget, streamTarget, walkTarget];
