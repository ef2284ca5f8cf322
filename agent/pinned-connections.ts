import { Agent, type AgentOptions } from 'node:https';
import type { Duplex } from 'node:stream';
import { connect, type TLSSocket } from 'node:tls';

const handshakeMs = 20_000;

/**
 * TLS to the one server whose certificate the kernel line pins by its SHA-256. Nothing else is verified: the
 * certificate is self-signed, and a ramdisk's clock may be years off. A connection is returned only after the
 * comparison, so that no data is sent to any other server.
 */
export class PinnedConnections extends Agent {
  readonly #fingerprint: string;

  constructor(fingerprint: string) {
    super({ keepAlive: true, maxSockets: 4 });
    this.#fingerprint = fingerprint;
  }

  override createConnection({ host, port }: AgentOptions, callback?: (error: Error | null, stream: Duplex) => void): undefined {
    const socket = connect({ host: host ?? '', port: Number(port), rejectUnauthorized: false, minVersion: 'TLSv1.2' });
    const done = callback as (error: Error | null, stream?: Duplex) => void;
    const fail = (error: Error) => {
      socket.destroy();
      done(error);
    };
    socket.setTimeout(handshakeMs, () => fail(new Error(`no TLS handshake within ${handshakeMs / 1000} s`)));
    socket.once('error', fail);
    socket.once('secureConnect', () => {
      socket.setTimeout(0).removeAllListeners('timeout').off('error', fail);
      const actual = fingerprintOf(socket);
      if (actual === this.#fingerprint) done(null, socket);
      else fail(new Error(`the server has the certificate ${actual}, the kernel line names ${this.#fingerprint}`));
    });
    return undefined;
  }
}

function fingerprintOf(socket: TLSSocket): string {
  return (socket.getPeerCertificate().fingerprint256 ?? '').replaceAll(':', '').toLowerCase();
}
