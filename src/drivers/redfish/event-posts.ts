import type { EventDestination } from './event-subscription.ts';
import type { RedfishEvents } from './events.ts';

type Handler = (body: unknown) => void;

/** Dispatches events that BMCs POST to their subscriber. */
export class EventPosts implements RedfishEvents {
  readonly #listeners: () => readonly EventDestination[];
  /** By the token of the subscription. */
  readonly #handlers = new Map<string, Handler>();

  /** @param listeners base URLs that BMCs can reach; called each time, since a port may be known only after the start */
  constructor(listeners: () => readonly EventDestination[]) {
    this.#listeners = listeners;
  }

  destinations(token: string): EventDestination[] {
    return this.#listeners().map((each) => ({ ...each, url: `${each.url}/redfish-events/${token}` }));
  }

  onEvent(token: string, handler: Handler): () => void {
    this.#handlers.set(token, handler);
    return () => void this.#handlers.delete(token);
  }

  /** @returns the handler subscribed with that token; undefined = none */
  taker(token: string): Handler | undefined {
    return this.#handlers.get(token);
  }
}
