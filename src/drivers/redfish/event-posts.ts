import type { EventDestination } from './event-subscription.ts';
import type { RedfishEvents } from './events.ts';

/** Dispatches events that BMCs POST to their subscriber. */
export type EventPosts = RedfishEvents & {
  /** @returns the handler subscribed with that token; undefined = none */
  taker(token: string): ((body: unknown) => void) | undefined;
};

/** @param listeners base URLs that BMCs can reach; called each time, since a port may be known only after the start */
export function createEventPosts(listeners: () => readonly EventDestination[]): EventPosts {
  const handlers = new Map<string, (body: unknown) => void>();
  return {
    destinations: (token) => listeners().map((each) => ({ ...each, url: `${each.url}/redfish-events/${token}` })),
    onEvent(token, handler) {
      handlers.set(token, handler);
      return () => void handlers.delete(token);
    },
    taker: (token) => handlers.get(token),
  };
}
