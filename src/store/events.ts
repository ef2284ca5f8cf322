/** The ordered event record of all machines: written in small batches, read by id. */
import type { Kysely } from 'kysely';
import { SerialQueue } from '#async/serial-queue.ts';
import { plainJson, plainText } from '#domain/plain-text.ts';
import { Collection } from './collection.ts';
import type { Event, NewEvent } from './tables/events.ts';
import type { Tables } from './tables.ts';

/** Boots produce bursts of TFTP and DHCP events; a commit for each would cost a disk sync for each. */
const batchDelayMs = 20;
/** After a failed write (for example because the disk is full): retry delay, and limit of the events kept in memory. */
const retryDelayMs = 1000;
const pendingMax = 50_000;
/** Rows per INSERT: SQLite allows 32766 parameters in a statement. */
const rowsAtOnce = 500;

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
  readonly #writes = new SerialQueue();
  #closed = false;
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
      ...event,
      subject: plainText(event.subject),
      message: plainText(event.message),
      data: plainJson(event.data ?? {}),
      at: new Date().toISOString(),
    });
    if (this.#pending.length > pendingMax) this.#pending.splice(0, this.#pending.length - pendingMax);
    this.#flushLater(batchDelayMs);
  }

  /**
   * Writes the pending events; on failure they stay pending and are retried. Must not be called inside a transaction
   * (it opens its own).
   */
  flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const written = this.#writes.run(() => this.#writePending());
    written.catch(() => {
      if (!this.#closed) this.#flushLater(retryDelayMs);
    });
    return written;
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

  /** Calls `listener` after each write; returns an unsubscribe function. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): Promise<void> {
    this.#closed = true;
    return this.flush();
  }

  #flushLater(ms: number): void {
    this.#timer ??= setTimeout(() => void this.flush().catch(() => {}), ms);
  }

  async #writePending(): Promise<void> {
    while (this.#pending.length > 0) {
      const batch = this.#pending.splice(0, rowsAtOnce);
      try {
        await this.#write(batch);
      } catch (error) {
        this.#pending.unshift(...batch);
        throw error;
      }
    }
  }

  async #write(batch: Omit<Event, 'id'>[]): Promise<void> {
    const rows = batch.map((event) => ({ ...event, data: JSON.stringify(event.data) as unknown as Event['data'] }));
    await this.#db.insertInto('events').values(rows).execute();
    for (const listener of this.#listeners) listener();
  }
}
