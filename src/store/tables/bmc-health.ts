/** BMC health of each node. */
import { Collection } from '../collection.ts';

/** The health of a node's power control; written on state changes and, in batches, after successful polls. */
export type BmcHealthRecord = {
  node_uuid: string;
  /** `unreachable`: no response; `auth_failed`: wrong user or password; `erroring`: it responds with errors. */
  state: 'ok' | 'unreachable' | 'auth_failed' | 'erroring';
  /** Start of the current state. */
  since: string;
  /** Last successful response. */
  answered_at: string | null;
  /** Moving average over successful responses. */
  latency_ms: number | null;
  /** Failures in a row. */
  failures: number;
  /** Message of the last failure. */
  message: string | null;
  /** The text written to the node's `last_error` when the circuit opened. */
  reported: string | null;
  /** Open circuit: the BMC is not polled before this time, unless on explicit request. */
  next_poll_at: string | null;
};

export class BmcHealth extends Collection<BmcHealthRecord> {
  static override readonly table = { name: 'bmc_health' };
}
