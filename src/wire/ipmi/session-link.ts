/** Transport of the payloads of one open session: RMCP+ here, IPMI 1.5 in legacy-session.ts. */
import { IvPool } from '../rmcp/iv-pool.ts';
import { SequenceCounter, SequenceWindow } from '../rmcp/sequence-window.ts';
import {
  decodeSessionPacket,
  encodeSessionPacket,
  type PayloadType,
  peekSession,
  type SessionSecrets,
} from '../rmcp/session-packet.ts';

export type SessionTerms = SessionSecrets & { readonly consoleSession: number; readonly bmcSession: number };

export type SessionLink = {
  /** The session id for Close Session. */
  readonly bmcSession: number;
  /** Uses a new sequence number each time. @throws Error for a payload type that this kind of session can't carry */
  wrap(type: PayloadType, payload: Uint8Array): Buffer;
  /**
   * Returns a packet that the BMC signed for this session and that is no replay; otherwise undefined.
   * @throws Malformed
   */
  unwrap(packet: Buffer): { readonly type: PayloadType; readonly payload: Buffer } | undefined;
};

/** Signed and encrypted, IPMI 2.0 rev 1.1 section 13.6. */
export class RmcpPlusLink implements SessionLink {
  readonly #terms: SessionTerms;
  readonly #received = new SequenceWindow();
  readonly #sent = new SequenceCounter();
  readonly #ivs = new IvPool();

  constructor(terms: SessionTerms) {
    this.#terms = terms;
  }

  get bmcSession(): number {
    return this.#terms.bmcSession;
  }

  wrap(type: PayloadType, payload: Uint8Array): Buffer {
    const header = { type, session: this.bmcSession, sequence: this.#sent.next() };
    return encodeSessionPacket({ ...header, payload }, this.#terms, this.#ivs.next());
  }

  unwrap(packet: Buffer) {
    if (peekSession(packet) !== this.#terms.consoleSession) return undefined;
    const { type, sequence, payload } = decodeSessionPacket(packet, this.#terms);
    return this.#received.take(sequence) ? { type, payload } : undefined;
  }
}
