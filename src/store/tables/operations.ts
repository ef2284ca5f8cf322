/** Long operations and their progress. */

import type { FaultRecord } from '#domain/faults.ts';
import type { JsonObject } from '#domain/json.ts';
import { Collection } from '../collection.ts';

/** A step as clients of Ironic see it, without its arguments, which may hold secrets. */
export type ApiStep = {
  /** Its place among the steps of the request. */
  readonly index: number;
  readonly interface: string;
  readonly step: string;
  readonly priority: number;
  /** False: an abort takes effect when it has ended. */
  readonly abortable: boolean;
};

/** A long operation: one row, ordered steps. Only the engine writes it. */
export type Operation = {
  id: string;
  /** A definition in src/engine/operations/. */
  kind: string;
  /** A short description: `deploy server web1`. */
  purpose: string;
  node_uuid: string;
  server_id: string | null;
  /** The request, fixed at start: e.g. `{ "target": "power off" }`. */
  request: JsonObject;
  /** Results of steps for later steps; survives a restart. May contain secrets, so it is never displayed. */
  context: JsonObject;
  /**
   * `running`: executing steps; `rolling_back`: a step failed, its traces are being removed; `done`, `failed`: ended.
   */
  state: 'running' | 'rolling_back' | 'done' | 'failed';
  /** Name of the current (or last) step. */
  step: string;
  step_started_at: string;
  /** The step of Ironic's API that it belongs to; null: it is the operation's own. */
  api_step: ApiStep | null;
  /** What the step waits for, as text; null while it works. */
  waiting_for: string | null;
  /** When a step that polls runs again; null: at once, or when its machine reports. */
  again_at: string | null;
  /** When the step times out. */
  deadline_at: string | null;
  fault: FaultRecord | null;
  created_at: string;
  updated_at: string;
  ended_at: string | null;
};

/** The part of an ended operation that decides whether it is kept. */
export type EndedOperation = Pick<Operation, 'id' | 'node_uuid' | 'server_id' | 'created_at' | 'ended_at'>;

export class Operations extends Collection<Operation, { operations: Operation }> {
  static override readonly table = {
    name: 'operations',
    json: ['request', 'context', 'fault', 'api_step'],
    sealed: ['request', 'context'],
  };

  /** The next operations that ended before `cutoff`, in order of their end. */
  async listEnded(cutoff: string, after: { ended_at: string; id: string }, limit: number): Promise<EndedOperation[]> {
    return this.db
      .selectFrom('operations')
      .select(['id', 'node_uuid', 'server_id', 'created_at', 'ended_at'])
      .where('ended_at', '<', cutoff)
      .where('ended_at', '>=', after.ended_at)
      .where((where) => where.or([where('ended_at', '>', after.ended_at), where('id', '>', after.id)]))
      .orderBy('ended_at')
      .orderBy('id')
      .limit(limit)
      .execute();
  }

  /** Creation time of the oldest of the node's newest `count` operations; empty if it has fewer. */
  async floorOf(node_uuid: string, count: number): Promise<string> {
    const newest = this.db.selectFrom('operations').select('created_at').where('node_uuid', '=', node_uuid);
    const row = await newest
      .orderBy('created_at', 'desc')
      .limit(1)
      .offset(count - 1)
      .executeTakeFirst();
    return row?.created_at ?? '';
  }

  async removeEnded(ids: readonly string[]): Promise<void> {
    await this.db.deleteFrom('operations').where('id', 'in', ids).where('ended_at', 'is not', null).execute();
  }
}
