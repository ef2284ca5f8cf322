/**
 * Why a peer could not be made to do something:
 * - `silent`: no answer in time; with versions 1 and 2c also what a wrong community looks like;
 * - `refused`: user, key or level of security are not the peer's (RFC 3414 section 3.2);
 * - `answered`: an error status, told by its name;
 * - `absent`: no such object;
 * - `unfit`: no SNMP, or an answer to another question;
 * - `closed`: this end was closed meanwhile.
 */
export type SnmpFailure = 'silent' | 'refused' | 'answered' | 'absent' | 'unfit' | 'closed';

/** Never holds a community, user or key. */
export class SnmpError extends Error {
  override name = 'SnmpError';
  readonly failure: SnmpFailure;

  constructor(failure: SnmpFailure, detail: string) {
    super(detail);
    this.failure = failure;
  }
}
