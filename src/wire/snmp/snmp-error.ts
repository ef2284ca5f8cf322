/**
 * Why a request to a peer failed:
 * - `silent`: no response before the timeout; with versions 1 and 2c also the effect of a wrong community;
 * - `refused`: the peer rejects the user, key or security level (RFC 3414 section 3.2);
 * - `privilege`: the user or community may not do this;
 * - `answered`: another error status, given by name;
 * - `absent`: no such object;
 * - `unknown`: nothing tells how this product is controlled;
 * - `unfit`: not SNMP, a response to another request, or a value that the object cannot have;
 * - `closed`: the client was closed.
 */
export type SnmpFailure = 'silent' | 'refused' | 'privilege' | 'answered' | 'absent' | 'unknown' | 'unfit' | 'closed';

/** Never contains a community, user or key. */
export class SnmpError extends Error {
  override name = 'SnmpError';
  readonly failure: SnmpFailure;

  constructor(failure: SnmpFailure, detail: string) {
    super(detail);
    this.failure = failure;
  }
}
