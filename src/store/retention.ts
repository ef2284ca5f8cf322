/**
 * Retention: deletes old ended operations and events in small batches, because every query of the embedded database
 * blocks the whole process. Deleted rows leave free pages in the file, which later records reuse.
 *
 * Batches are independent: after a crash between two of them, the next pass finds the rest. A row checked before a
 * batch can only become deletable meanwhile, never the reverse (servers are deleted once, operations end once).
 */
import type { Store } from './store.ts';
import { type EventTrace, historyMax } from './tables/events.ts';
import type { EndedOperation } from './tables/operations.ts';

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
  await store.node_locks.sweep();
  const parts = { store, cutoff, keeping: new Keeping(store, Math.max(rules.perNode, 1), turns) };
  // Operations first: the events of an operation are kept as long as it is.
  const operations = await pruneAll(operationBatches(parts), turns, pass.signal);
  const events = await pruneAll(eventBatches(parts), turns, pass.signal);
  return { operations, events, longestMs: turns.longestMs };
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

function operationBatches({ store: { operations }, keeping, cutoff }: Parts): NextBatch {
  let last = { ended_at: '', id: '' };
  return async (count) => {
    const rows = await operations.listEnded(cutoff, last, count);
    const end = rows.at(-1);
    if (!end) return undefined;
    last = { id: end.id, ended_at: end.ended_at ?? '' };
    const old = await keeping.oldOperations(rows);
    if (old.length > 0) await operations.removeEnded(old);
    return old.length;
  };
}

/** Event ids are in time order, unless the clock was set back. */
function eventBatches({ store: { events }, keeping, cutoff }: Parts): NextBatch {
  let last = 0;
  return async (count) => {
    const rows = await events.rows.traces(last, count);
    const end = rows.at(-1);
    if (!end || rows.every(({ at }) => at >= cutoff)) return undefined;
    last = end.id;
    const old = await keeping.oldEvents(rows.filter(({ at }) => at < cutoff));
    return old.length === 0 ? 0 : events.rows.remove({ id: old });
  };
}

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

  async oldOperations(rows: readonly EndedOperation[]): Promise<string[]> {
    const servers = await this.#liveServers(rows);
    await this.#loadFloors(rows);
    const isKept = ({ node_uuid, server_id, created_at }: EndedOperation) =>
      servers.has(server_id) || created_at >= (this.#floors.get(node_uuid)?.operation ?? '~');
    return rows.filter((row) => !isKept(row)).map(({ id }) => id);
  }

  /** An event belongs to its operation and to its server; a node's failures form its history. */
  async oldEvents(rows: readonly EventTrace[]): Promise<number[]> {
    const servers = await this.#liveServers(rows);
    const operations = await this.#operations(rows);
    await this.#loadFloors(rows);
    const isKept = ({ id, node_uuid, server_id, operation_id, is_failure }: EventTrace) => {
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

  async #operations(rows: readonly EventTrace[]): Promise<Set<string | null>> {
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
    const { operations, events } = this.#store;
    return {
      operation: await operations.floorOf(uuid, this.#perNode),
      event: await events.rows.floorOf(uuid, this.#perNode, false),
      failure: await events.rows.floorOf(uuid, historyMax, true),
    };
  }
}

function distinct(values: readonly (string | null)[]): string[] {
  return [...new Set(values)].filter((value) => value !== null);
}
