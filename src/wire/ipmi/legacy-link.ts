import { decodeSignedPacket, encodeSignedPacket, peekLegacySession } from '../rmcp/legacy-packet.ts';
import { SequenceCounter, SequenceWindow } from '../rmcp/sequence-window.ts';
import type { PayloadType } from '../rmcp/session-packet.ts';
import type { SessionLink } from './session-link.ts';

export type LegacyTerms = {
  readonly bmcSession: number;
  readonly key: Uint8Array;
  /** Initial sequence numbers of this end and of the peer. */
  readonly firstOutbound: number;
  readonly firstInbound: number;
};

/** Signed with MD5, not encrypted: IPMI 1.5. Each end has one. */
export class LegacyLink implements SessionLink {
  readonly bmcSession: number;
  readonly #key: Uint8Array;
  readonly #received: SequenceWindow;
  readonly #sent: SequenceCounter;

  constructor({ bmcSession, key, firstOutbound, firstInbound }: LegacyTerms) {
    this.bmcSession = bmcSession;
    this.#key = key;
    this.#sent = new SequenceCounter(before(firstOutbound));
    this.#received = new SequenceWindow(before(firstInbound));
  }

  wrap(type: PayloadType, payload: Uint8Array): Buffer {
    if (type !== 'ipmi') throw new Error(`an IPMI 1.5 session carries no payload of type ${type}`);
    const message = Buffer.from(payload.buffer, payload.byteOffset, payload.length);
    return encodeSignedPacket({ session: this.bmcSession, sequence: this.#sent.next(), message }, this.#key);
  }

  unwrap(packet: Buffer) {
    if (peekLegacySession(packet) !== this.bmcSession) return undefined;
    const { sequence, message } = decodeSignedPacket(packet, this.#key);
    return this.#received.take(sequence) ? { type: 'ipmi' as const, payload: message } : undefined;
  }
}

function before(sequence: number): number {
  return (sequence - 1) >>> 0;
}
