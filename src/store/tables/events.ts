/** The event record of all machines. */
import type { SelectQueryBuilder } from 'kysely';
import type { JsonObject } from '#domain/json.ts';
import { Collection } from '../collection.ts';
import { hasMember, isEqual } from '../conditions.ts';

export type EventKind =
  | 'operation' // an operation began or ended
  | 'step' // a step began, waits, ended or failed
  | 'bmc' // one command to the BMC with duration and result
  | 'power' // a power state changed
  | 'dhcp'
  | 'tftp'
  | 'http'
  | 'agent' // a message of the ramdisk: hello, progress, result, log
  | 'state' // a provision state changed
  | 'note';

/** One event in the life of a machine; timelines are built from this ordered record. */
export type Event = {
  id: number;
  at: string;
  kind: EventKind;
  node_uuid: string | null;
  server_id: string | null;
  operation_id: string | null;
  /** The step name, BMC command, file path… that the event is about. */
  subject: string;
  message: string;
  duration_ms: number | null;
  data: JsonObject;
};

export type NewEvent = Pick<Event, 'kind' | 'subject' | 'message'> &
  Partial<Pick<Event, 'node_uuid' | 'server_id' | 'operation_id' | 'duration_ms' | 'data'>>;

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

export type FailureQuery = { node_uuid: string; id?: number; after?: number; limit: number };

/** The part of an event that decides whether it is kept. */
export type EventTrace = Pick<Event, 'id' | 'at' | 'node_uuid' | 'server_id' | 'operation_id'> & {
  /** A failed operation of the node. */
  is_failure: boolean;
};

/** Number of the newest failures that form a node's history and are kept regardless of age. */
export const historyMax = 1000;

/** Of one operation, starts and ends. */
const stepsMax = 1000;

/** 1: an operation or a step failed. */
const failureColumn = { from: 'data', derive: ({ status }: JsonObject) => (status === 'failed' ? 1 : 0) };

export class Events extends Collection<Event, { events: Event & { is_failure: number } }> {
  static override readonly table = { name: 'events', json: ['data'], derived: { is_failure: failureColumn } };

  async query({ after, limit = 1000, descending, ...where }: EventQuery): Promise<Event[]> {
    let select = this.db.selectFrom('events').selectAll();
    for (const column of ['node_uuid', 'server_id', 'operation_id'] as const) {
      const value = where[column];
      if (value !== undefined) select = select.where(column, '=', value);
    }
    if (after !== undefined) select = select.where('id', '>', after);
    const rows = await select
      .orderBy('id', descending ? 'desc' : 'asc')
      .limit(limit)
      .execute();
    return rows.map((row) => this.decode(row));
  }

  /**
   * Failed operations of a node, shown as its history: the events outlive the operations. Oldest first, of the newest
   * thousand; `after` is the id of the last failure already read.
   */
  async failures({ node_uuid, id, after, limit }: FailureQuery): Promise<Event[]> {
    const failures = this.#ofNode(node_uuid, true);
    let query = failures.selectAll().where('id', '>=', await this.floorOf(node_uuid, historyMax, true));
    if (id !== undefined) query = query.where('id', '=', id);
    if (after !== undefined) query = query.where('id', '>', after);
    const rows = await query.orderBy('id').limit(limit).execute();
    return rows.map((row) => this.decode(row));
  }

  /** Starts and ends of the steps of an operation, oldest first; without the waits of a polling step, of which there may be thousands. */
  steps(operation_id: string): Promise<Event[]> {
    const marks = hasMember('data', 'status', ['started', 'ended', 'failed']);
    return this.list([isEqual('operation_id', operation_id), isEqual('kind', 'step'), marks], { orderBy: 'id', limit: stepsMax });
  }

  /** Id of the oldest of the node's newest `count` events, or of its newest failures; 0 if it has fewer. */
  async floorOf(node_uuid: string, count: number, isOfFailures: boolean): Promise<number> {
    const newest = this.#ofNode(node_uuid, isOfFailures).select('id').orderBy('id', 'desc');
    const row = await newest
      .limit(1)
      .offset(count - 1)
      .executeTakeFirst();
    return row?.id ?? 0;
  }

  /** In order, after this id. */
  async traces(after: number, limit: number): Promise<EventTrace[]> {
    const rows = await this.db
      .selectFrom('events')
      .select(['id', 'at', 'kind', 'node_uuid', 'server_id', 'operation_id', 'is_failure'])
      .where('id', '>', after)
      .orderBy('id')
      .limit(limit)
      .execute();
    return rows.map(({ kind, ...row }) => ({ ...row, is_failure: kind === 'operation' && row.is_failure === 1 }));
  }

  #ofNode(
    node_uuid: string,
    isOfFailures: boolean,
  ): SelectQueryBuilder<{ events: Event & { is_failure: number } }, 'events', object> {
    const events = this.db.selectFrom('events').where('node_uuid', '=', node_uuid);
    return isOfFailures ? events.where('kind', '=', 'operation').where('is_failure', '=', 1) : events;
  }
}
