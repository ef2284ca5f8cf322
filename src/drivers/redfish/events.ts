/** What a BMC tells by itself: over a stream that we open, or to a listener of ours. DSP0266 "Eventing". */
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { Fault } from '#domain/faults.ts';
import { pathOf } from '#wire/redfish/links.ts';
import { RedfishError, type Resource } from '#wire/redfish/redfish-client.ts';
import type { NodeFacts, PowerInterface } from '../interfaces.ts';
import { type AtSystem, type OnSystem, rootPath } from './find-system.ts';
import { booleanAt, linkAt, textAt, textsAt } from './resource-fields.ts';

/** Where BMCs can tell us something; made by whoever listens on their network. */
export type RedfishEvents = {
  /** The address that a BMC posts to: `http://172.30.0.1:8088/redfish-events/{token}`. */
  url(token: string): string;
  /** `handler` gets the body of each POST to that address. @returns how to end it */
  onEvent(token: string, handler: (body: unknown) => void): () => void;
};

export type WatchPower = NonNullable<PowerInterface['watchPower']>;

/** Milliseconds. */
export type EventTimes = {
  /** Between looks at whether a subscription still exists. */
  readonly renewMs: number;
  /** Before a lost stream is opened again: the first time, and at most. */
  readonly firstPauseMs: number;
  readonly longestPauseMs: number;
};
export const usualEventTimes: EventTimes = { renewMs: 900_000, firstPauseMs: 1_000, longestPauseMs: 300_000 };

type Watch = { readonly onSystem: OnSystem; readonly node: NodeFacts; readonly hint: () => void; readonly signal: AbortSignal };
type Source = { readonly events: RedfishEvents | undefined; readonly times: EventTimes };

/** Types of events that old services (before EventService 1.3) want named in a subscription. */
const wantedTypes = ['StatusChange', 'ResourceUpdated', 'Alert', 'Other'];

export function createWatchPower(onSystem: OnSystem, events?: RedfishEvents, times: EventTimes = usualEventTimes): WatchPower {
  return async (node, hint, { signal }) => {
    const end = new AbortController();
    const watch = { onSystem, node, hint, signal: AbortSignal.any([signal, end.signal]) };
    const source = { events, times };
    const close = (await watchStream(watch, source)) ?? (await watchSubscription(watch, source));
    return (
      close &&
      (async () => {
        end.abort();
        await close();
      })
    );
  };
}

async function readService({ client, asking }: AtSystem): Promise<Resource | undefined> {
  const path = linkAt((await client.get(rootPath, asking)).body, 'EventService');
  if (path === undefined) return undefined;
  const { body } = await client.get(path, asking);
  return booleanAt(body, 'ServiceEnabled') === false ? undefined : body;
}

/** @returns undefined where the service has no stream, or refuses it */
async function watchStream(watch: Watch, { times }: Source): Promise<(() => Promise<void>) | undefined> {
  const first = await open(watch).catch(unlessDeaf);
  if (first === undefined) return undefined;
  const ended = keepOpen(watch, first, times);
  return async () => {
    first.close();
    await ended;
  };
}

type Stream = { readonly ended: Promise<void>; close(): void };

function open({ onSystem, node, hint, signal }: Watch): Promise<Stream | undefined> {
  return onSystem({ node, command: 'open event stream', asking: { signal } }, async (at) => {
    const path = pathOf(textAt(await readService(at), 'ServerSentEventUri'));
    return path === undefined ? undefined : at.client.stream(path, ({ body }) => isMetric(body) || hint(), { signal });
  });
}

function isMetric(body: Resource): boolean {
  return /#MetricReport\./.test(textAt(body, '@odata.type') ?? '');
}

/** A lost stream is a reason to look, and is opened again; until then the node is polled as any other. */
async function keepOpen(watch: Watch, first: Stream, { firstPauseMs, longestPauseMs }: EventTimes): Promise<void> {
  const { signal, hint } = watch;
  let stream: Stream | undefined = first;
  let wait = firstPauseMs;
  while (!signal.aborted) {
    const openedAt = Date.now();
    await stream?.ended;
    if (signal.aborted) return;
    hint();
    wait = Date.now() - openedAt > longestPauseMs ? firstPauseMs : Math.min(wait * 2, longestPauseMs);
    await pause(wait, undefined, { signal, ref: false }).catch(() => undefined);
    stream = signal.aborted ? undefined : await open(watch).catch(() => undefined);
    if (stream) hint();
  }
}

/** Only what says "not this way": a BMC that is silent or refuses the password is a fault like any other. */
function unlessDeaf(error: unknown): undefined {
  if (error instanceof Fault && error.code === 'bmcError') return undefined;
  throw error;
}

async function watchSubscription(watch: Watch, { events, times }: Source): Promise<(() => Promise<void>) | undefined> {
  if (events === undefined) return undefined;
  // Whoever knows the token is believed to be the BMC; all that it can do is make us look.
  const token = randomBytes(16).toString('hex');
  const destination = events.url(token);
  const forget = events.onEvent(token, (body) => isMetric(body as Resource) || watch.hint());
  let path = await subscribe(watch, destination).catch((error) => {
    forget();
    return unlessDeaf(error);
  });
  if (path === undefined) {
    forget();
    return undefined;
  }
  const renew = async () => {
    if (path !== undefined && (await exists(watch, path))) return;
    path = (await subscribe(watch, destination).catch(() => undefined)) ?? path;
    watch.hint();
  };
  const timer = setInterval(() => void renew().catch(() => undefined), times.renewMs).unref();
  return async () => {
    clearInterval(timer);
    forget();
    if (path !== undefined) await unsubscribe(watch, path);
  };
}

/** Ours for this node, whichever process of ours made it. */
function markOf({ uuid }: NodeFacts): string {
  return `ingot ${uuid}`;
}

function subscribe({ onSystem, node, signal }: Watch, destination: string): Promise<string | undefined> {
  return onSystem({ node, command: 'subscribe to events', asking: { signal } }, async (at) => {
    const service = await readService(at);
    const subscriptions = linkAt(service, 'Subscriptions');
    if (service === undefined || subscriptions === undefined) return undefined;
    await removeLeftovers(at, subscriptions);
    return postSubscription(at, { service, subscriptions, destination });
  });
}

async function removeLeftovers({ client, node, asking }: AtSystem, subscriptions: string): Promise<void> {
  for (const entry of await client.members(subscriptions, asking)) {
    const path = linkAt(entry);
    if (path !== undefined && textAt(entry, 'Context') === markOf(node)) await client.delete(path, asking);
  }
}

type Subscribing = { service: Resource; subscriptions: string; destination: string };

async function postSubscription({ client, node, asking }: AtSystem, { service, subscriptions, destination }: Subscribing) {
  const body = { Destination: destination, Protocol: 'Redfish', Context: markOf(node) };
  const offered = textsAt(service, 'EventTypesForSubscription') ?? wantedTypes;
  const old = { ...body, EventTypes: wantedTypes.filter((type) => offered.includes(type)) };
  const reply = await client.post(subscriptions, body, asking).catch((error) => {
    if (!(error instanceof RedfishError && error.status === 400)) throw error;
    return client.post(subscriptions, old, asking);
  });
  return pathOf(reply.headers['location']) ?? pathOf(reply.body['@odata.id']);
}

function exists({ onSystem, node, signal }: Watch, path: string): Promise<boolean> {
  return onSystem({ node, command: 'look after subscription', asking: { signal } }, async ({ client, asking }) => {
    try {
      await client.get(path, asking);
      return true;
    } catch (error) {
      if (error instanceof RedfishError && error.status === 404) return false;
      throw error;
    }
  });
}

/** Without the signal of the watch, which has ended; the client bounds it. */
async function unsubscribe({ onSystem, node }: Watch, path: string): Promise<void> {
  await onSystem({ node, command: 'end subscription' }, ({ client }) => client.delete(path)).catch(() => undefined);
}
