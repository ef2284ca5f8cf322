/**
 * Retention: deletes old ended operations and events in small batches, because every query of the embedded database
 * blocks the whole process. Deleted rows leave free pages in the file, which later records reuse.
 *
 * Batches are independent: after a crash between two of them, the next pass finds the rest. A row checked before a
 * batch can only become deletable meanwhile, never the reverse (servers are deleted once, operations end once).
 */
import { sql } from 'kysely';
import { historyMax, tellsFailure } from './node-failures.ts';
import type { Store } from './store.ts';
import type { Operation } from './tables/operations.ts';

export type RetentionRules = {
  /** Younger records are kept. */
  days: number;
  /** This many of each node's newest operations and newest events are kept regardless of age. At least 1. */
  perNode: number;
};

export type Pruned = {
  operations: number;
  events: number;
  /** The longest time for which a batch blocked everything else (milliseconds). */
  longestMs: number;
};

export type Pass = {
  signal?: AbortSignal;
  /** Yields to other tasks; called with the time they were blocked (milliseconds). */
  rest(ms: number): Promise<unknown>;
  now?: Date;
};

const dayMs = 86_400_000;
/** Target duration of a batch (milliseconds); its number of rows depends on the disk. */
const batchMs = 4;
const [firstRows, fewestRows, mostRows] = [25, 5, 100];

/** Deletes everything that is old by the rules. Stops early, without an error, when the signal is aborted. */
export async function pruneRecords(store: Store, rules: RetentionRules, pass: Pass): Promise<Pruned> {
  const cutoff = new Date((pass.now?.getTime() ?? Date.now()) - rules.days * dayMs).toISOString();
  const turns = new Turns(pass.rest);
  const parts = { store, cutoff, keeping: new Keeping(store, Math.max(rules.perNode, 1), turns) };
  // Operations first: the events of an operation are kept as long as it is.
  const operations = await pruneAll(operationBatches(parts), turns, pass.signal);
  const events = await pruneAll(eventBatches(parts), turns, pass.signal);
  return { operations, events, longestMs: turns.longestMs };
}

/** Returns free pages to the file system. Rewrites the whole file, and blocks everything else meanwhile. */
export async function shrinkFile({ db }: Store): Promise<void> {
  await sql`VACUUM`.execute(db);
}

async function pruneAll(next: NextBatch, turns: Turns, signal: AbortSignal | undefined): Promise<number> {
  let pruned = 0;
  for (let rows = firstRows; !signal?.aborted; ) {
    const removed = await next(rows);
    if (removed === undefined) break;
    pruned += removed;
    const took = await turns.end();
    rows = Math.round(Math.min(Math.max((rows * batchMs) / took, rows / 2, fewestRows), rows * 2, mostRows));
  }
  return pruned;
}

/** Uninterrupted stretches of work: a query of the embedded database returns before anything else runs. */
class Turns {
  longestMs = 0;
  readonly #rest: Pass['rest'];
  #began = performance.now();

  constructor(rest: Pass['rest']) {
    this.#rest = rest;
  }

  /** Yields if the current turn has lasted long enough. */
  async pause(): Promise<void> {
    if (performance.now() - this.#began > batchMs) await this.end();
  }

  /** @returns the duration of the turn (milliseconds) */
  async end(): Promise<number> {
    const took = performance.now() - this.#began;
    this.longestMs = Math.max(this.longestMs, took);
    await this.#rest(took);
    this.#began = performance.now();
    return took;
  }
}

type Parts = { store: Store; keeping: Keeping; cutoff: string };

/** Checks the next rows. @returns how many were deleted; undefined: no more old rows */
type NextBatch = (rows: number) => Promise<number | undefined>;

function operationBatches({ store: { db }, keeping, cutoff }: Parts): NextBatch {
  let last = { ended_at: '', id: '' };
  return async (count) => {
    const rows = await db
      .selectFrom('operations')
      .select(['id', 'node_uuid', 'server_id', 'created_at', 'ended_at'])
      .where('ended_at', '<', cutoff)
      .where('ended_at', '>=', last.ended_at)
      .where((where) => where.or([where('ended_at', '>', last.ended_at), where('id', '>', last.id)]))
      .orderBy('ended_at')
      .orderBy('id')
      .limit(count)
      .execute();
    const end = rows.at(-1);
    if (!end) return undefined;
    last = { id: end.id, ended_at: end.ended_at ?? '' };
    const old = await keeping.oldOperations(rows);
    if (old.length === 0) return 0;
    await db.deleteFrom('operations').where('id', 'in', old).where('ended_at', 'is not', null).execute();
    return old.length;
  };
}

/** Event ids are in time order, unless the clock was set back. */
function eventBatches({ store: { db }, keeping, cutoff }: Parts): NextBatch {
  let last = 0;
  return async (count) => {
    const rows = await db
      .selectFrom('events')
      .select(['id', 'at', 'node_uuid', 'server_id', 'operation_id'])
      .select(sql<number>`CASE WHEN kind = 'operation' AND ${tellsFailure} THEN 1 ELSE 0 END`.as('is_failure'))
      .where('id', '>', last)
      .orderBy('id')
      .limit(count)
      .execute();
    const end = rows.at(-1);
    if (!end || rows.every(({ at }) => at >= cutoff)) return undefined;
    last = end.id;
    const old = await keeping.oldEvents(rows.filter(({ at }) => at < cutoff));
    if (old.length === 0) return 0;
    await db.deleteFrom('events').where('id', 'in', old).execute();
    return old.length;
  };
}

type OperationRow = Pick<Operation, 'id' | 'node_uuid' | 'server_id' | 'created_at'>;
type EventRow = {
  id: number;
  node_uuid: string | null;
  server_id: string | null;
  operation_id: string | null;
  is_failure: number;
};

/** The records of a node from which everything newer is kept. */
type Floors = { operation: string; event: number; failure: number };

/** Decides what is kept regardless of age. Caches the floors of nodes for one pass, since they only rise. */
class Keeping {
  readonly #store: Store;
  readonly #perNode: number;
  readonly #floors = new Map<string, Floors | undefined>();
  readonly #turns: Turns;

  constructor(store: Store, perNode: number, turns: Turns) {
    this.#store = store;
    this.#perNode = perNode;
    this.#turns = turns;
  }

  async oldOperations(rows: readonly OperationRow[]): Promise<string[]> {
    const servers = await this.#liveServers(rows);
    await this.#loadFloors(rows);
    const isKept = ({ node_uuid, server_id, created_at }: OperationRow) =>
      servers.has(server_id) || created_at >= (this.#floors.get(node_uuid)?.operation ?? '~');
    return rows.filter((row) => !isKept(row)).map(({ id }) => id);
  }

  /** An event belongs to its operation and to its server; a node's failures form its history. */
  async oldEvents(rows: readonly EventRow[]): Promise<number[]> {
    const servers = await this.#liveServers(rows);
    const operations = await this.#operations(rows);
    await this.#loadFloors(rows);
    const isKept = ({ id, node_uuid, server_id, operation_id, is_failure }: EventRow) => {
      const floors = this.#floors.get(node_uuid ?? '');
      const isRecent = floors !== undefined && id >= (is_failure ? Math.min(floors.failure, floors.event) : floors.event);
      return isRecent || servers.has(server_id) || operations.has(operation_id);
    };
    return rows.filter((row) => !isKept(row)).map(({ id }) => id);
  }

  async #liveServers(rows: readonly { server_id: string | null }[]): Promise<Set<string | null>> {
    const ids = distinct(rows.map(({ server_id }) => server_id));
    const found = ids.length ? await this.#store.servers.pick(['id', 'vm_state'], { id: ids }) : [];
    return new Set(found.filter(({ vm_state }) => vm_state !== 'deleted').map(({ id }) => id));
  }

  async #operations(rows: readonly EventRow[]): Promise<Set<string | null>> {
    const ids = distinct(rows.map(({ operation_id }) => operation_id));
    const found = ids.length ? await this.#store.operations.pick(['id'], { id: ids }) : [];
    return new Set(found.map(({ id }) => id));
  }

  /** Deleted nodes have no floor: nobody can request their history. */
  async #loadFloors(rows: readonly { node_uuid: string | null }[]): Promise<void> {
    const unknown = distinct(rows.map(({ node_uuid }) => node_uuid)).filter((uuid) => !this.#floors.has(uuid));
    if (unknown.length === 0) return;
    const nodes = new Set((await this.#store.nodes.pick(['uuid'], { uuid: unknown })).map(({ uuid }) => uuid));
    for (const uuid of unknown) {
      this.#floors.set(uuid, nodes.has(uuid) ? await this.#floorsOf(uuid) : undefined);
      await this.#turns.pause();
    }
  }

  async #floorsOf(uuid: string): Promise<Floors> {
    const { db } = this.#store;
    const offset = this.#perNode - 1;
    const operations = db.selectFrom('operations').select('created_at').where('node_uuid', '=', uuid);
    const events = db.selectFrom('events').select('id').where('node_uuid', '=', uuid);
    const failures = events.where('kind', '=', 'operation').where(tellsFailure);
    const operation = await operations.orderBy('created_at', 'desc').limit(1).offset(offset).executeTakeFirst();
    const event = await events.orderBy('id', 'desc').limit(1).offset(offset).executeTakeFirst();
    const failure = await failures
      .orderBy('id', 'desc')
      .limit(1)
      .offset(historyMax - 1)
      .executeTakeFirst();
    return { operation: operation?.created_at ?? '', event: event?.id ?? 0, failure: failure?.id ?? 0 };
  }
}

function distinct(values: readonly (string | null)[]): string[] {
  return [...new Set(values)].filter((value) => value !== null);
}
