/** The ordered record of all that happens to machines: written in small batches, read by id. */
import type { Kysely } from 'kysely';
import type { Event, NewEvent } from '#domain/records.ts';
import { Collection } from './collection.ts';
import type { Tables } from './tables.ts';

/** A boot brings bursts of TFTP and DHCP lines; one commit for each would cost a disk sync for each. */
const batchDelayMs = 20;

export type EventQuery = {
  node_uuid?: string;
  server_id?: string;
  operation_id?: string;
  /** Only events with a larger id. */
  after?: number;
  limit?: number;
  /** Newest first. */
  descending?: boolean;
};

export class EventLog {
  readonly #db: Kysely<Tables>;
  readonly #collection: Collection<Event>;
  #pending: Omit<Event, 'id'>[] = [];
  #timer: NodeJS.Timeout | undefined;
  #flushing: Promise<void> = Promise.resolve();
  readonly #listeners = new Set<() => void>();

  constructor(db: Kysely<Tables>) {
    this.#db = db;
    this.#collection = new Collection<Event>(db, 'events');
  }

  append(event: NewEvent): void {
    this.#pending.push({
      node_uuid: null,
      server_id: null,
      operation_id: null,
      duration_ms: null,
      data: {},
      ...event,
      at: new Date().toISOString(),
    });
    this.#timer ??= setTimeout(() => void this.flush().catch(() => {}), batchDelayMs);
  }

  /** Writes what is pending. Must not be called inside a transaction (it takes its own). */
  flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const batch = this.#pending;
    this.#pending = [];
    if (batch.length > 0) this.#flushing = this.#flushing.then(() => this.#write(batch));
    return this.#flushing;
  }

  async list(query: EventQuery): Promise<Event[]> {
    await this.flush();
    let select = this.#db.selectFrom('events').selectAll();
    for (const column of ['node_uuid', 'server_id', 'operation_id'] as const) {
      const value = query[column];
      if (value !== undefined) select = select.where(column, '=', value);
    }
    if (query.after !== undefined) select = select.where('id', '>', query.after);
    const rows = await select
      .orderBy('id', query.descending ? 'desc' : 'asc')
      .limit(query.limit ?? 1000)
      .execute();
    return rows.map((row) => this.#collection.decode(row));
  }

  /** Calls `listener` after each write; returns how to stop that. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): Promise<void> {
    return this.flush();
  }

  async #write(batch: Omit<Event, 'id'>[]): Promise<void> {
    const rows = batch.map((event) => ({ ...event, data: JSON.stringify(event.data) as unknown as Event['data'] }));
    await this.#db.insertInto('events').values(rows).execute();
    for (const listener of this.#listeners) listener();
  }
}
