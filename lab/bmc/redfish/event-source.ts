/**
 * Events of a Redfish service: POSTed to subscribers with retries, and streamed to SSE clients. DSP0266, "Eventing".
 */
import { request as httpRequest, type ServerResponse } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { KeyedMutex } from '#async/keyed-mutex.ts';
import { pause } from '#async/timers.ts';
import type { BmcModel } from '../bmc-model.ts';
import type { BmcProfile } from '../bmc-profile.ts';
import type { Json, Resource } from './messages.ts';
import type { ServicePaths } from './service-paths.ts';

export type Subscription = {
  readonly id: string;
  readonly destination: string;
  context: string;
  readonly eventTypes: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  readonly verify: boolean;
};
/** Kinds of events. */
type Scene = { readonly bmcModel: BmcModel; readonly paths: ServicePaths };
export type BmcModelChange = 'power' | 'log' | 'media' | 'indicator' | 'test';

/** DeliveryRetryAttempts, DeliveryRetryIntervalSeconds; a subscriber that times out counts as failed. */
export const deliveryRetries = 3;
export const deliveryRetrySeconds = 1;
const deliveryMaxWait = 5_000;
/** Events in flight to one subscriber; further ones are dropped, as by real services. */
const mostWaiting = 100;

export class EventSource {
  readonly #profile: () => BmcProfile;
  readonly #subscriptions = new Map<string, Subscription>();
  readonly #streams = new Set<ServerResponse>();
  readonly #deliveries = new KeyedMutex();
  readonly #waiting = new Map<string, number>();
  readonly #closing = new AbortController();
  #lastSubscription = 0;
  #lastEvent = 0;

  constructor(profile: () => BmcProfile) {
    this.#profile = profile;
  }

  get subscriptions(): readonly Subscription[] {
    return [...this.#subscriptions.values()];
  }

  find(id: string): Subscription | undefined {
    return this.#subscriptions.get(id);
  }

  subscribe(requested: Omit<Subscription, 'id'>): Subscription {
    this.#lastSubscription += 1;
    const subscription = { ...requested, id: String(this.#lastSubscription) };
    this.#subscriptions.set(subscription.id, subscription);
    return subscription;
  }

  unsubscribe(id: string): void {
    this.#subscriptions.delete(id);
  }

  /** Keeps the response open: each event becomes a message of the stream. */
  stream(reply: ServerResponse): void {
    reply.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache', 'odata-version': '4.0' });
    reply.write(': events follow\n\n');
    this.#streams.add(reply);
    reply.on('close', () => this.#streams.delete(reply));
  }

  publish(what: BmcModelChange, scene: Scene): void {
    if (!this.#profile().redfish.events || this.#profile().silent) return;
    if (this.#subscriptions.size === 0 && this.#streams.size === 0) return;
    this.#lastEvent += 1;
    const record = describeChange(what, scene, this.#lastEvent);
    for (const subscription of this.#subscriptions.values()) this.#enqueue(subscription, record);
    const text = `id: ${this.#lastEvent}\ndata: ${JSON.stringify(envelope(record, ''))}\n\n`;
    for (const stream of this.#streams) stream.write(text);
  }

  close(): void {
    this.#closing.abort();
    for (const stream of this.#streams) stream.end();
  }

  /** Sequential per subscriber: the order of events matters. */
  #enqueue(subscription: Subscription, record: Resource): void {
    const { id, eventTypes, context } = subscription;
    if (eventTypes.length > 0 && !eventTypes.includes(String(record['EventType']))) return;
    const waiting = this.#waiting.get(id) ?? 0;
    if (waiting >= mostWaiting) return;
    this.#waiting.set(id, waiting + 1);
    const delivery = this.#deliveries.run(id, () => this.#deliver(subscription, envelope(record, context)));
    void delivery.finally(() => this.#waiting.set(id, (this.#waiting.get(id) ?? 1) - 1));
  }

  async #deliver(subscription: Subscription, body: Resource): Promise<void> {
    for (let tries = 0; tries <= deliveryRetries; tries += 1) {
      if (this.#closing.signal.aborted || !this.#subscriptions.has(subscription.id)) return;
      if (await post(subscription, body, this.#closing.signal)) return;
      await pause(deliveryRetrySeconds * 1000, this.#closing.signal, { ref: false }).catch(() => {});
    }
  }
}

/** @returns whether the subscriber accepted it. */
function post({ destination, headers, verify }: Subscription, body: Resource, signal: AbortSignal): Promise<boolean> {
  const send = destination.startsWith('https:') ? httpsRequest : httpRequest;
  const limit = AbortSignal.any([signal, AbortSignal.timeout(deliveryMaxWait)]);
  const text = JSON.stringify(body);
  const all = { ...headers, 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
  return new Promise((resolve) => {
    const request = send(destination, { method: 'POST', headers: all, rejectUnauthorized: verify, signal: limit }, (reply) => {
      reply.resume();
      resolve((reply.statusCode ?? 500) < 300);
    });
    request.on('error', () => resolve(false));
    request.end(text);
  });
}

/** DSP0268, Event v1. */
function envelope(record: Resource, context: string): Resource {
  return {
    '@odata.type': '#Event.v1_4_0.Event',
    Id: String(record['EventId']),
    Name: 'Event',
    Context: context,
    Events: [record],
  };
}

function describeChange(what: BmcModelChange, { bmcModel, paths }: Scene, number: number): Resource {
  const entry = bmcModel.log.at(-1);
  const rows: Record<BmcModelChange, { id: string; message: string; origin: string; args: Json[] }> = {
    power: {
      id: 'ResourceEvent.1.0.ResourceChanged',
      message: `Power is ${bmcModel.chassis.power()}.`,
      origin: paths.system,
      args: [],
    },
    log: {
      id: 'ResourceEvent.1.0.ResourceCreated',
      message: entry ? `${entry.sensor}: ${entry.message}` : 'The log was cleared.',
      origin: entry ? `${paths.log}/Entries/${entry.id}` : paths.log,
      args: [],
    },
    media: { id: 'ResourceEvent.1.0.ResourceChanged', message: 'A virtual medium changed.', origin: paths.media, args: [] },
    indicator: { id: 'ResourceEvent.1.0.ResourceChanged', message: 'The indicator changed.', origin: paths.chassis, args: [] },
    test: { id: 'ResourceEvent.1.0.TestMessage', message: 'A test.', origin: paths.events, args: [] },
  };
  const { id, message, origin, args } = rows[what];
  const severity = what === 'log' && entry ? { ok: 'OK', warning: 'Warning', critical: 'Critical' }[entry.severity] : 'OK';
  return {
    EventType: what === 'log' ? 'Alert' : what === 'power' ? 'StatusChange' : 'ResourceUpdated',
    EventId: String(number),
    MemberId: '0',
    EventTimestamp: new Date().toISOString(),
    MessageId: id,
    Message: message,
    MessageArgs: args,
    Severity: severity,
    MessageSeverity: severity,
    OriginOfCondition: { '@odata.id': origin },
  };
}
