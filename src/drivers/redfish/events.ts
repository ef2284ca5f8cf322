/** What a BMC tells by itself: over a stream that we open, or to a listener of ours. DSP0266 "Eventing". */
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { Fault } from '#domain/faults.ts';
import { pathOf } from '#wire/redfish/links.ts';
import type { Resource } from '#wire/redfish/redfish-client.ts';
import type { NodeFacts, PowerInterface } from '../interfaces.ts';
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

/** Where BMCs can tell us something; made by whoever listens on their network. */
export type RedfishEvents = {
  /** The addresses that a BMC may post to, the best first: `https://172.30.0.1:8089/redfish-events/{token}`. */
  destinations(token: string): readonly EventDestination[];
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

type Watch = Subscriber & { readonly hint: () => void };
type Source = { readonly events: RedfishEvents | undefined; readonly times: EventTimes };

export function createWatchPower(
  withSystem: WithSystem,
  events?: RedfishEvents,
  times: EventTimes = usualEventTimes,
): WatchPower {
  return async (node, hint, { signal }) => {
    const end = new AbortController();
    const watch = { withSystem, node, hint, signal: AbortSignal.any([signal, end.signal]) };
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
 * A Context that names another node of ours says that the BMC mixes its subscribers up. Any other does not count: iLO and
 * AMI repeat it in each record, others leave it out or put words of their own there. It is the token that is secret.
 */
function isOfAnother(body: Resource, node: NodeFacts): boolean {
  const contexts = [body, ...objectsAt(body, 'Events')].flatMap((part) => textAt(part, 'Context') ?? []);
  const ours = contexts.filter((context) => context.startsWith(markPrefix));
  return ours.length > 0 && !ours.includes(markOf(node));
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

function takePost({ node, hint }: Watch, body: Resource): void {
  if (!isMetric(body) && !isOfAnother(body, node)) hint();
}

async function watchSubscription(watch: Watch, { events, times }: Source): Promise<(() => Promise<void>) | undefined> {
  if (events === undefined) return undefined;
  // Whoever knows the token is believed to be the BMC; all that it can do is make us look.
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
  const renew = async () => {
    if (path !== undefined && (await isAlive(watch, path))) return;
    path = (await subscribe(watch, destinations()).catch(() => undefined)) ?? path;
    watch.hint();
  };
  const timer = setInterval(() => void renew().catch(() => undefined), times.renewMs).unref();
  return async () => {
    clearInterval(timer);
    forget();
    if (path !== undefined) await unsubscribe(watch, path);
  };
}
