/**
 * The list of servers. Rows are large (user data, files), so the short columns are read first, then only the displayed
 * rows in full.
 */
import { setImmediate } from 'node:timers/promises';
import type { Where } from './collection.ts';
import type { Store } from './store.ts';
import type { Server } from './tables/servers.ts';

const shortColumns = [
  ...(['id', 'name', 'hostname', 'description', 'project_id', 'user_id', 'image_id', 'key_name', 'availability_zone'] as const),
  ...(['locked', 'vm_state', 'task_state', 'node_uuid', 'created_at', 'updated_at'] as const),
] as const satisfies readonly (keyof Server)[];
export type ShortServer = Pick<Server, (typeof shortColumns)[number]>;

/** Newest first. */
const order = [
  { column: 'created_at', descending: true },
  { column: 'id', descending: true },
];

/** To read a short column, the database has to skip the long ones before it. */
const shortAtOnce = 50;
/** A few megabytes at most, read in about ten milliseconds. */
const wholeAtOnce = 20;

export type ServerPage = { after?: ShortServer | undefined; limit?: number };

/** Matching servers, newest first; yields to other requests between batches. */
export async function listShortServers(
  { servers }: Store,
  where: Where<Server>,
  { after, limit = Number.POSITIVE_INFINITY }: ServerPage = {},
): Promise<ShortServer[]> {
  const found: ShortServer[] = [];
  for (let last = after; ; last = found.at(-1)) {
    const size = Math.min(shortAtOnce, limit - found.length);
    const some = await servers.pick(shortColumns, where, { order, after: last, limit: size });
    found.push(...some);
    if (some.length < size || found.length >= limit) return found;
    await setImmediate();
  }
}

/** In the order of `page`, in batches, without those deleted meanwhile; yields to other requests between batches. */
export async function* readServers({ servers }: Store, page: readonly { id: string }[]): AsyncGenerator<Server[]> {
  for (let start = 0; start < page.length; start += wholeAtOnce) {
    const ids = page.slice(start, start + wholeAtOnce).map(({ id }) => id);
    const rows = new Map((await servers.list({ id: ids })).map((server) => [server.id, server]));
    yield ids.flatMap((id) => rows.get(id) ?? []);
    await setImmediate();
  }
}
