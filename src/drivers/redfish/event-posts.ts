import type { EventDestination } from './event-subscription.ts';
import type { RedfishEvents } from './events.ts';

/** Brings what BMCs post to whoever waits for it. */
export type EventPosts = RedfishEvents & {
  /** @returns who waits for posts with that token; undefined = nobody does */
  taker(token: string): ((body: unknown) => void) | undefined;
};

/** @param listeners where BMCs reach us, without the path; asked each time, since a port may be known only after the start */
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
