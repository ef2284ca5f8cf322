/** Long operations and their progress. */
import type { FaultRecord } from '#domain/faults.ts';
import type { JsonObject } from '#domain/json.ts';

export type OperationKind = 'deploy' | 'rebuild' | 'delete' | 'clean' | 'verify' | 'power';

/** A long operation: one row, ordered steps. Only the engine writes it. */
export type Operation = {
  id: string;
  kind: OperationKind;
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
  /** What the step waits for, as text; null while it works. */
  waiting_for: string | null;
  /** When the step times out. */
  deadline_at: string | null;
  fault: FaultRecord | null;
  created_at: string;
  updated_at: string;
  ended_at: string | null;
};
