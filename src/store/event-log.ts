/** The ordered event record of all machines: written in small batches, read by id. */
import { SerialQueue } from '#async/serial-queue.ts';
import { plainJson, plainText } from '#domain/plain-text.ts';
import type { Event, EventQuery, Events, FailureQuery, NewEvent, OfServer } from './tables/events.ts';

/** Boots produce bursts of TFTP and DHCP events; a commit for each would cost a disk sync for each. */
const batchDelayMs = 20;
/** After a failed write (for example because the disk is full): retry delay, and limit of the events kept in memory. */
const retryDelayMs = 1000;
const pendingMax = 50_000;
/** Rows per INSERT: SQLite allows 32766 parameters in a statement. */
const rowsAtOnce = 500;

export class EventLog {
  /** The stored events; pending ones are not among them. */
  readonly rows: Events;
  #pending: Omit<Event, 'id'>[] = [];
  #timer: NodeJS.Timeout | undefined;
  readonly #writes = new SerialQueue();
  #closed = false;
  readonly #listeners = new Set<() => void>();

  constructor(rows: Events) {
    this.rows = rows;
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
    return this.rows.query(query);
  }

  /** Starts and ends of the steps of an operation of a server, oldest first. */
  async steps(operation: OfServer): Promise<Event[]> {
    await this.flush();
    return this.rows.steps(operation);
  }

  /** Failed operations of a node. */
  async failures(query: FailureQuery): Promise<Event[]> {
    await this.flush();
    return this.rows.failures(query);
  }

  /** The last reports of progress about these servers, newest first. */
  progressOf(servers: readonly string[], limit: number): Promise<Event[]> {
    const where = { server_id: servers, kind: 'agent', subject: 'progress' } as const;
    return this.rows.list(where, { orderBy: 'id', descending: true, limit });
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
    await this.rows.insertAll(batch);
    for (const listener of this.#listeners) listener();
  }
}

/** Of a transaction: what it appends becomes an event when it is committed, and never if it is rolled back. */
export class EventsOfTransaction extends EventLog {
  readonly #log: EventLog;
  readonly #held: NewEvent[] = [];

  constructor(log: EventLog) {
    super(log.rows);
    this.#log = log;
  }

  override append(event: NewEvent): void {
    this.#held.push(event);
  }

  override flush(): Promise<void> {
    return this.#log.flush();
  }

  override subscribe(listener: () => void): () => void {
    return this.#log.subscribe(listener);
  }

  committed(): void {
    for (const event of this.#held) this.#log.append(event);
  }
}
