import type { Peer } from '../udp/datagrams.ts';

/**
 * Why a BMC could not be made to do something:
 * - `silent`: no (valid) answer within the time allowed;
 * - `refused`: it knows the user not, or the password is another, or the user may not do this;
 * - `completion`: it answered the command with a completion code other than 00h;
 * - `unfit`: it answered, but can't or won't speak IPMI 2.0 the way we insist on;
 * - `closed`: this end, or the use of a serial line by the BMC, was closed meanwhile; or there was no room to open it.
 */
export type IpmiFailure = 'silent' | 'refused' | 'completion' | 'unfit' | 'closed';

type Context = { peer: Peer; command: string; detail: string; attempts?: number; seconds?: number; completion?: number };

/** Never holds a user name, password or key. */
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
