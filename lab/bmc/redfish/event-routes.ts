/** Event subscriptions and the event stream. DSP0268, EventService v1, EventDestination v1. */
import { deliveryRetries, deliveryRetrySeconds, type Subscription } from './event-source.ts';
import { RedfishRefusal, type Resource } from './messages.ts';
import {
  type Answer,
  type Call,
  collection,
  expectObject,
  expectText,
  expectUri,
  head,
  healthy,
  link,
  missing,
  type Route,
  type WriteCall,
} from './route.ts';
import type { ServiceState } from './service-state.ts';

const eventTypes = ['StatusChange', 'ResourceUpdated', 'ResourceAdded', 'ResourceRemoved', 'Alert'];
const mostSubscriptions = 20;

export function eventRoutes({ paths, shape }: ServiceState): Route[] {
  if (!shape.events) return [];
  const { events, subscriptions } = paths;
  const stream = `${events}/SSE`;
  const test = `${events}/Actions/EventService.SubmitTestEvent`;
  const rows: Route[] = [
    {
      kind: 'eventService',
      path: events,
      get: () => ({
        ...head(events, 'EventService.v1_7_0.EventService', 'Event Service'),
        ServiceEnabled: true,
        DeliveryRetryAttempts: deliveryRetries,
        DeliveryRetryIntervalSeconds: deliveryRetrySeconds,
        EventTypesForSubscription: eventTypes,
        RegistryPrefixes: ['ResourceEvent'],
        ...(shape.eventStream && { ServerSentEventUri: stream }),
        Status: healthy,
        Subscriptions: link(subscriptions),
        Actions: { '#EventService.SubmitTestEvent': { target: test } },
      }),
    },
    {
      kind: 'subscriptions',
      path: subscriptions,
      get: ({ state }) =>
        collection(
          subscriptions,
          'EventDestination',
          state.events.subscriptions.map(({ id }) => `${subscriptions}/${id}`),
        ),
      post: subscribe,
    },
    {
      kind: 'subscription',
      path: `${subscriptions}/{}`,
      get: (call) => describeSubscription(subscriptions, findSubscription(call)),
      patch: {
        Context: (value, call) => {
          const context = expectText('Context', value);
          const subscription = findSubscription(call);
          return () => {
            subscription.context = context;
          };
        },
      },
      delete: (call) => call.state.events.unsubscribe(findSubscription(call).id),
    },
    {
      kind: 'eventService',
      path: test,
      post: ({ state }) => {
        state.events.publish('test', state);
        return { status: 204 };
      },
    },
  ];
  if (!shape.eventStream) return rows;
  const openStream = ({ state, reply }: Call): Answer => {
    state.events.stream(reply);
    return 'taken';
  };
  return [...rows, { kind: 'eventStream', path: stream, answer: openStream }];
}

function subscribe({ state, body }: WriteCall): Answer {
  const { subscriptions } = state.paths;
  for (const name of ['Destination', 'Protocol'])
    if (body[name] === undefined) throw new RedfishRefusal('PropertyMissing', [name]);
  if (body['Protocol'] !== 'Redfish') throw new RedfishRefusal('PropertyValueNotInList', [String(body['Protocol']), 'Protocol']);
  if (state.events.subscriptions.length >= mostSubscriptions) throw new RedfishRefusal('ResourceInUse');
  const subscription = state.events.subscribe({
    destination: expectUri('Destination', body['Destination']),
    context: expectText('Context', body['Context'] ?? ''),
    eventTypes: readTypes(body['EventTypes']),
    headers: readHeaders(body['HttpHeaders']),
    verify: body['VerifyCertificate'] === true,
  });
  const headers = { location: `${subscriptions}/${subscription.id}` };
  return { status: 201, headers, body: describeSubscription(subscriptions, subscription) };
}

function readTypes(value: WriteCall['body'][string] | undefined): string[] {
  if (value === undefined) return [];
  const types = Array.isArray(value) ? value : [value];
  const wrong = types.find((type) => typeof type !== 'string' || !eventTypes.includes(type));
  if (wrong !== undefined) throw new RedfishRefusal('PropertyValueNotInList', [JSON.stringify(wrong), 'EventTypes']);
  return types as string[];
}

/** A list of objects, or a single one: clients send both. */
function readHeaders(value: WriteCall['body'][string] | undefined): Record<string, string> {
  if (value === undefined || value === null) return {};
  const objects = (Array.isArray(value) ? value : [value]).map((part) => expectObject('HttpHeaders', part));
  const entries = objects.flatMap((part) => Object.entries(part));
  return Object.fromEntries(entries.map(([name, text]) => [name, expectText('HttpHeaders', text, /^[\x20-\x7e]*$/)]));
}

function findSubscription(call: Call): Subscription {
  const found = call.state.events.find(call.ids[0] ?? '');
  if (!found) throw missing(call);
  return found;
}

/** Headers hold secrets: they are never returned. */
function describeSubscription(path: string, { id, destination, context, eventTypes: types }: Subscription): Resource {
  return {
    ...head(`${path}/${id}`, 'EventDestination.v1_10_0.EventDestination', `Subscription ${id}`),
    Destination: destination,
    Context: context,
    Protocol: 'Redfish',
    SubscriptionType: 'RedfishEvent',
    EventFormatType: 'Event',
    DeliveryRetryPolicy: 'RetryForever',
    EventTypes: [...types],
    HttpHeaders: [],
    Status: healthy,
  };
}
