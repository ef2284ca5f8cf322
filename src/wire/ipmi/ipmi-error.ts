import type { Peer } from '../udp/datagrams.ts';

/**
 * Why a request to a BMC failed:
 * - `silent`: no (valid) response before the deadline;
 * - `refused`: unknown user or wrong password;
 * - `privilege`: the user may not have the privilege level that Ingot requested;
 * - `completion`: the BMC answered the command with a completion code other than 00h, or refused a session;
 * - `unsupported`: the BMC does not offer a version, cipher suite or payload that Ingot requires;
 * - `unfit`: the response violates the specification;
 * - `disconnected`: the BMC ended the session;
 * - `limit`: no session could be opened within Ingot's own limit;
 * - `closed`: this end closed the session.
 */
export type IpmiFailure =
  | 'silent'
  | 'refused'
  | 'privilege'
  | 'completion'
  | 'unsupported'
  | 'unfit'
  | 'disconnected'
  | 'limit'
  | 'closed';

type Context = { peer: Peer; command: string; detail: string; attempts?: number; seconds?: number; completion?: number };

/** Never contains a user name, password or key. */
export class IpmiError extends Error {
  override name = 'IpmiError';
  readonly failure: IpmiFailure;
  readonly peer: Peer;
  readonly command: string;
  readonly detail: string;
  /** Packets sent, and seconds waited, for `silent`. */
  readonly attempts: number;
  readonly seconds: number;
  readonly completion: number | undefined;

  constructor(failure: IpmiFailure, context: Context) {
    super(`${context.command} to ${context.peer.address}:${context.peer.port}: ${context.detail}`);
    this.failure = failure;
    this.peer = context.peer;
    this.command = context.command;
    this.detail = context.detail;
    this.attempts = context.attempts ?? 0;
    this.seconds = context.seconds ?? 0;
    this.completion = context.completion;
  }
}
