/**
 * A datagram socket for net-snmp that filters packets, because the library accepts packets from any sender, and
 * unsigned replies to signed requests. Only packets from the peer pass, and only those as secure as the request.
 */
import { EventEmitter } from 'node:events';
import type { DatagramSocket, Datagrams, Peer } from '../udp/datagrams.ts';
import { type SecurityLevel, securityOf } from './message-security.ts';

type Sent = (error: Error | null) => void;

export class GuardedSocket extends EventEmitter {
  readonly #level: SecurityLevel;
  #socket: DatagramSocket | undefined;

  private constructor(level: SecurityLevel) {
    super();
    this.#level = level;
  }

  /** Rejects if the address is invalid. */
  static async connect(peer: Peer, level: SecurityLevel, datagrams: Datagrams): Promise<GuardedSocket> {
    const guarded = new GuardedSocket(level);
    guarded.#socket = await datagrams.connect(peer, (packet) => {
      if (isAdmitted(packet, guarded.#level)) guarded.#hand(packet);
    });
    return guarded;
  }

  /** A packet that makes the library throw counts as lost: the request ends at its deadline. */
  #hand(packet: Buffer): void {
    try {
      this.emit('message', packet);
    } catch {}
  }

  send(packet: Buffer, offset: number, length: number, _port: number, _address: string, sent: Sent): void {
    this.#socket?.send(packet.subarray(offset, offset + length));
    sent(null);
  }

  close(): void {
    this.#socket?.close();
    this.#socket = undefined;
    this.emit('close');
  }

  /** No-op: the session lives as long as its driver, which closes it. */
  ref(): void {}
  unref(): void {}
}

/**
 * RFC 3414 section 3.2: a response is as secure as its request. A report is not, because it explains why the peer
 * could not read one; it only makes the library retry or fail.
 */
function isAdmitted(packet: Buffer, wanted: SecurityLevel): boolean {
  const security = securityOf(packet);
  if (security === undefined) return false;
  return security.isReport || (security.auth >= wanted.auth && security.priv >= wanted.priv);
}
