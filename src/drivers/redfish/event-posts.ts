import type { RedfishEvents } from './events.ts';

/** Brings what BMCs post to whoever waits for it. */
export type EventPosts = RedfishEvents & {
  /** @returns whether somebody waits for it */
  take(token: string, body: unknown): boolean;
};

/** @param baseUrl where BMCs reach our listener; asked each time, since its port may be known only after the start */
export function createEventPosts(baseUrl: () => string): EventPosts {
  const handlers = new Map<string, (body: unknown) => void>();
  return {
    url: (token) => `${baseUrl()}/redfish-events/${token}`,
    onEvent(token, handler) {
      handlers.set(token, handler);
      return () => void handlers.delete(token);
    },
    take(token, body) {
      const handler = handlers.get(token);
      handler?.(body);
      return handler !== undefined;
    },
  };
}
