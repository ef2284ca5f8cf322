/** Events of a BMC: over a stream (SSE), or POSTed to our listener. DSP0266 "Eventing". */
import { randomBytes } from 'node:crypto';
import { pause } from '#async/timers.ts';
import { Fault, failedBmcFaults } from '#domain/faults.ts';
import { pathOf } from '#wire/redfish/links.ts';
import type { Resource } from '#wire/redfish/redfish-client.ts';
import type { NodeFacts, PowerInterface, SubscriptionRecord } from '../interfaces.ts';
import {
  type EventDestination,
  isAlive,
  markOf,
  markPrefix,
  readEventService,
  type Subscriber,
  subscribe,
  unsubscribe,
} from './event-subscription.ts';
import type { WithSystem } from './find-system.ts';
import { objectsAt, textAt } from './resource-fields.ts';

/** Listener for events of BMCs; implemented by the server on their network. */
export type RedfishEvents = {
  /** URLs that a BMC can POST to, in order of preference: `https://172.30.0.1:8089/redfish-events/{token}`. */
  destinations(token: string): readonly EventDestination[];
  /** `handler` gets the body of each POST to that URL. @returns a function that unsubscribes it */
  onEvent(token: string, handler: (body: unknown) => void): () => void;
};

export type WatchPower = NonNullable<PowerInterface['watchPower']>;

/** Milliseconds. */
export type EventTimes = {
  /** Interval of checks whether a subscription still exists. */
  readonly renewMs: number;
  /** Backoff before a lost stream is reopened: initial and maximum. */
  readonly firstPauseMs: number;
  readonly longestPauseMs: number;
};
export const usualEventTimes: EventTimes = { renewMs: 900_000, firstPauseMs: 1_000, longestPauseMs: 300_000 };

type Watch = Subscriber & { readonly hint: () => void; readonly subscriptions: SubscriptionRecord | undefined };
type Source = { readonly events: RedfishEvents | undefined; readonly times: EventTimes };

export function createWatchPower(
  withSystem: WithSystem,
  events?: RedfishEvents,
  times: EventTimes = usualEventTimes,
): WatchPower {
  return async (node, hint, { signal, subscriptions }) => {
    const end = new AbortController();
    const watch = { withSystem, node, hint, subscriptions, signal: AbortSignal.any([signal, end.signal]) };
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

/** @returns undefined if the service has no stream or refuses it */
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

function open({ withSystem, node, hint, signal }: Watch): Promise<Stream | undefined> {
  return withSystem({ node, command: 'open event stream', callOptions: { signal } }, async (at) => {
    const path = pathOf(textAt(await readEventService(at), 'ServerSentEventUri'));
    return path === undefined ? undefined : at.client.stream(path, ({ body }) => isMetric(body) || hint(), { signal });
  });
}

function isMetric(body: Resource): boolean {
  return /#MetricReport\./.test(textAt(body, '@odata.type') ?? '');
}

/**
 * A Context that names another of our nodes means that the BMC confuses its subscribers. Any other value is ignored:
 * iLO and AMI repeat it in each record, others omit it or send their own. Only the token authenticates.
 */
function isOfAnother(body: Resource, node: NodeFacts): boolean {
  const contexts = [body, ...objectsAt(body, 'Events')].flatMap((part) => textAt(part, 'Context') ?? []);
  const ours = contexts.filter((context) => context.startsWith(markPrefix));
  return ours.length > 0 && !ours.includes(markOf(node));
}

/** A lost stream triggers a poll and is reopened; until then the node is polled like any other. */
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
    await pause(wait, signal, { ref: false }).catch(() => undefined);
    stream = signal.aborted ? undefined : await open(watch).catch(() => undefined);
    if (stream) hint();
  }
}

/** Only errors that mean "not supported": an unreachable BMC or a rejected password is a fault as usual. */
function unlessDeaf(error: unknown): undefined {
  if (error instanceof Fault && failedBmcFaults.includes(error.code)) return undefined;
  throw error;
}

function takePost({ node, hint }: Watch, body: Resource): void {
  if (!isMetric(body) && !isOfAnother(body, node)) hint();
}

async function watchSubscription(watch: Watch, { events, times }: Source): Promise<(() => Promise<void>) | undefined> {
  if (events === undefined) return undefined;
  // Anyone who knows the token is taken for the BMC; an event can only trigger a poll.
  const token = randomBytes(16).toString('hex');
  const destinations = () => events.destinations(token);
  const forget = events.onEvent(token, (body) => takePost(watch, body as Resource));
  let path = await subscribe(watch, destinations()).catch((error) => {
    forget();
    return unlessDeaf(error);
  });
  if (path === undefined) {
    forget();
    return undefined;
  }
  await watch.subscriptions?.put(path);
  const renew = async () => {
    if (path !== undefined && (await isAlive(watch, path))) return;
    const renewed = await subscribe(watch, destinations()).catch(() => undefined);
    if (renewed !== undefined) await watch.subscriptions?.put(renewed);
    path = renewed ?? path;
    watch.hint();
  };
  const timer = setInterval(() => void renew().catch(() => undefined), times.renewMs).unref();
  return async () => {
    clearInterval(timer);
    forget();
    // Without the watch's signal, which is aborted by now; the client has its own timeout.
    if (path !== undefined && (await unsubscribe(watch, path))) await watch.subscriptions?.remove(path);
  };
}
