/** An Ingot extension: the ordered events of a machine, with long polling. Source of the timeline. */
import type { FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import type { EventLog } from '#store/event-log.ts';
import type { Event, EventQuery } from '#store/tables/events.ts';
import type { ApiContext } from '../context.ts';

const longestWaitSeconds = 60;
/** Maximum concurrent long polls of one user: each is checked at every event. */
const waitsMax = 64;

export const EventFeedQuery = Type.Object({
  /** Id of the last event that the client has. */
  after: Type.Optional(Type.Integer({ minimum: 0 })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
  /** Timeout in seconds of the long poll if there is no event after `after`. */
  wait: Type.Optional(Type.Number({ minimum: 0, maximum: longestWaitSeconds })),
});

type FeedRequest = Pick<EventQuery, 'node_uuid' | 'server_id'> & {
  query: Static<typeof EventFeedQuery>;
  isShown?: ((event: Event) => boolean) | undefined;
};

/** Events after `after`, oldest first, and the id to continue from. Empty after `wait` or a disconnect. */
export async function followEvents(
  { store, waits }: Pick<ApiContext, 'store' | 'waits'>,
  request: FastifyRequest,
  feed: FeedRequest,
): Promise<Feed> {
  if (!feed.query.wait) return readFeed(store.events, request, feed);
  const { user_id: user } = request.caller;
  const others = waits.get(user) ?? 0;
  if (others >= waitsMax) throw new Fault('tooManyRequests', { what: 'requests of this user wait for events', seconds: 1 });
  waits.set(user, others + 1);
  try {
    return await readFeed(store.events, request, feed);
  } finally {
    const left = (waits.get(user) ?? 1) - 1;
    if (left > 0) waits.set(user, left);
    else waits.delete(user);
  }
}

type Feed = { events: Event[]; last: number };

async function readFeed(
  log: EventLog,
  request: FastifyRequest,
  { query, isShown = () => true, ...owner }: FeedRequest,
): Promise<Feed> {
  const deadline = Date.now() + (query.wait ?? 0) * 1000;
  let last = query.after ?? 0;
  for (;;) {
    const news = await untilWritten(log, request, {
      deadline,
      read: () => log.list({ ...owner, after: last, limit: query.limit ?? 1000 }),
    });
    last = news.at(-1)?.id ?? last;
    const events = news.filter(isShown);
    if (events.length > 0 || news.length === 0) return { events, last };
  }
}

type Wait = { deadline: number; read: () => Promise<Event[]> };

/** Subscribes before it reads, so that no event is missed in between. */
async function untilWritten(log: EventLog, request: FastifyRequest, { deadline, read }: Wait): Promise<Event[]> {
  let wake = () => {};
  let written = false;
  let over = false;
  const unsubscribe = log.subscribe(() => {
    written = true;
    wake();
  });
  const end = () => {
    over = true;
    wake();
  };
  const timer = setTimeout(end, Math.max(deadline - Date.now(), 0));
  const { socket } = request.raw;
  socket.once('close', end);
  try {
    for (;;) {
      written = false;
      const events = await read();
      if (events.length > 0 || over || Date.now() >= deadline || socket.destroyed) return events;
      await new Promise<void>((resolve) => {
        wake = resolve;
        if (written || over) resolve();
      });
    }
  } finally {
    clearTimeout(timer);
    unsubscribe();
    socket.off('close', end);
  }
}
