/** The event record of all machines. */
import type { SelectQueryBuilder } from 'kysely';
import type { JsonObject } from '#domain/json.ts';
import { Collection } from '../collection.ts';
import { compares, hasMember, isEqual } from '../conditions.ts';

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
  /** Only events with a larger id. */
  after?: number;
  limit?: number;
  /** Newest first. */
  descending?: boolean;
};

/** The operation of a server. */
export type OfServer = { readonly id: string; readonly server_id: string | null };

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
    for (const column of ['node_uuid', 'server_id'] as const) {
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

  /**
   * Starts and ends of the steps of an operation, oldest first; without the waits of a polling step, of which there may be
   * thousands. They are among the events of its server after its start.
   */
  async steps({ id: operation_id, server_id }: OfServer): Promise<Event[]> {
    const [start, end] = await this.#ends(operation_id);
    if (start === undefined) return [];
    const during = [compares('id', '>', start), ...(end === undefined ? [] : [compares('id', '<', end)])];
    const marks = hasMember('data', 'status', ['started', 'ended', 'failed']);
    const own = [isEqual('server_id', server_id), isEqual('operation_id', operation_id), isEqual('kind', 'step'), marks];
    return this.list([...own, ...during], { orderBy: 'id', limit: stepsMax });
  }

  /** Ids of its first event, and of its last one if it has ended. */
  async #ends(operation_id: string): Promise<[start?: number, end?: number]> {
    const own = [isEqual('operation_id', operation_id), isEqual('kind', 'operation')];
    const marks = await this.list(own, { orderBy: 'id' });
    const end = marks.find(({ data }) => data['status'] === 'done' || data['status'] === 'failed');
    return [marks[0]?.id, end?.id];
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
