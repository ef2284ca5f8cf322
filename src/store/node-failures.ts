/** Failed operations of a node, shown as its history. They are read from events, which outlive the operations. */
import { sql } from 'kysely';
import { Collection } from './collection.ts';
import type { Store } from './store.ts';
import type { Event } from './tables/events.ts';

/** Number of the newest failures that form a node's history and are kept regardless of age. */
export const historyMax = 1000;

/** Condition on an event of kind `operation`. Its JSON begins with the status, as the engine writes it. */
export const tellsFailure = sql<boolean>`data LIKE '{"status":"failed"%'`;

type FailureQuery = { node_uuid: string; id?: number; after?: number; limit: number };

/** Oldest first, of the newest thousand; `after` is the id of the last failure already read. */
export async function listFailures(store: Store, { node_uuid, id, after, limit }: FailureQuery): Promise<Event[]> {
  await store.events.flush();
  const failures = store.db
    .selectFrom('events')
    .where('node_uuid', '=', node_uuid)
    .where('kind', '=', 'operation')
    .where(tellsFailure);
  const first = await failures
    .select('id')
    .orderBy('id', 'desc')
    .limit(1)
    .offset(historyMax - 1)
    .executeTakeFirst();
  let query = failures.selectAll().where('id', '>=', first?.id ?? 0);
  if (id !== undefined) query = query.where('id', '=', id);
  if (after !== undefined) query = query.where('id', '>', after);
  const rows = await query.orderBy('id').limit(limit).execute();
  const events = new Collection<Event>(store.db, 'events');
  return rows.map((row) => events.decode(row));
}
