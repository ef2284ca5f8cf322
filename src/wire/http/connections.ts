/** Connections to one service: one at a time, keep-alive, and verified before the first byte of a request is sent. */
import { constants } from 'node:crypto';
import type { Agent } from 'node:http';
import { Agent as TlsAgent } from 'node:https';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { Agent as PlainAgent } from '#node-http/http.ts';

/** How a service is authenticated. */
export type Trust =
  /** By the certificate authorities of this host, or those in `ca` (PEM). */
  | { readonly by: 'authority'; readonly ca?: string }
  /** By the SHA-256 of its certificate (hex, 64 digits): for the self-signed certificates of BMCs. */
  | { readonly by: 'fingerprint'; readonly sha256: string }
  /** Accepts any certificate, or none (`http:`): the network is trusted instead. Only as an explicit choice. */
  | { readonly by: 'nothing' };

/** The peer failed verification. The message names the certificate presented, so that an operator can pin it. */
export class UntrustedPeer extends Error {
  override name = 'UntrustedPeer';
}

/** The connection timed out. */
export class ConnectTimeout extends Error {
  override name = 'ConnectTimeout';
}

export type TrustedPeer = {
  /** Origin of the peer: `https://bmc.example:8443`. */
  readonly url: string;
  readonly trust: Trust;
  /** `old`: also accepts TLS 1.0 and weak keys. */
  readonly tls?: 'old';
};
export type Connecting = {
  readonly peer: TrustedPeer;
  readonly connectMs: number;
  /** Default true. */
  readonly keepAlive?: boolean;
  /** Sends a small ClientHello on the first attempt, because the peer is known to need it. */
  readonly smallHello?: boolean;
  /** Called when the peer accepted only a small ClientHello. */
  readonly onSmallHello?: () => void;
};

/** @returns an agent for `node:https` or `node:http`, depending on the peer's URL */
export function createAgent(connecting: Connecting): Agent {
  const options = { keepAlive: connecting.keepAlive ?? true, maxSockets: 1, maxFreeSockets: 1 };
  if (connecting.peer.url.startsWith('http:')) return new PlainAgent(options);
  return new TrustingAgent(options, connecting);
}

type Connected = (error: Error | null, stream: Duplex) => void;
type Attempt = { readonly small: boolean; readonly timeoutMs: number };

class TrustingAgent extends TlsAgent {
  readonly #connecting: Connecting;
  /**
   * TLS session of a verified connection. Resuming it avoids a full handshake, which costs a small BMC a second of CPU
   * time. Only the same peer can resume it; no certificate is presented then.
   */
  #session: Buffer | undefined;

  constructor(options: { keepAlive: boolean; maxSockets: number; maxFreeSockets: number }, connecting: Connecting) {
    super(options);
    this.#connecting = connecting;
  }

  override createConnection(_options: unknown, callback?: Connected): Duplex | null | undefined {
    const { connectMs, smallHello = false, onSmallHello } = this.#connecting;
    if (smallHello) {
      this.#attempt({ small: true, timeoutMs: connectMs }, callback);
      return undefined;
    }
    // Only a ClientHello was sent, so a retry is safe for any request.
    this.#attempt({ small: false, timeoutMs: connectMs / 2 }, (error, socket) => {
      if (error === null || !mayBeTooLarge(error)) return callback?.(error, socket);
      this.#attempt({ small: true, timeoutMs: connectMs / 2 }, (again, other) => {
        if (again === null) onSmallHello?.();
        callback?.(again, other);
      });
    });
    return undefined;
  }

  #attempt({ small, timeoutMs }: Attempt, callback?: Connected): void {
    const { peer } = this.#connecting;
    const hello = { ...tlsOptions(peer), ...(small && { ecdhCurve: smallGroups }) };
    const socket = connect({ ...hello, ...(this.#session && { session: this.#session }) });
    const timer = setTimeout(() => socket.destroy(new ConnectTimeout('no connection')), timeoutMs);
    const fail = (error: Error) => {
      clearTimeout(timer);
      callback?.(error, socket);
    };
    socket.once('error', fail);
    socket.once('secureConnect', () => {
      const distrust = socket.isSessionReused() ? undefined : judge(socket, peer.trust);
      if (distrust !== undefined) return socket.destroy(new UntrustedPeer(distrust));
      clearTimeout(timer);
      socket.off('error', fail);
      socket.on('session', (session) => {
        this.#session = session;
      });
      callback?.(null, socket);
    });
  }
}

/**
 * Key shares of 32 and 65 bytes. With the ML-KEM hybrid that OpenSSL 3.5 offers first, a ClientHello needs more than
 * one packet. Some TLS stacks of BMCs read only one packet and then close the connection or hang (as middleboxes did,
 * tldr.fail). These groups are as strong as anything such a BMC can negotiate.
 */
const smallGroups = 'X25519:P-256:P-384';

function mayBeTooLarge(error: Error): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return error instanceof ConnectTimeout || code === 'ECONNRESET' || code === 'EPROTO' || code?.startsWith('ERR_SSL_') === true;
}

function tlsOptions({ url, trust, tls }: TrustedPeer): ConnectionOptions {
  const { hostname, port } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, '');
  return {
    host,
    port: Number(port || 443),
    // SNI takes host names only (RFC 6066 section 3); certificate verification accepts addresses, too.
    ...(isIP(host) === 0 && { servername: host }),
    ...(trust.by === 'authority' && trust.ca !== undefined && { ca: trust.ca }),
    // `judge` verifies the certificate, because it can also report the one presented.
    rejectUnauthorized: false,
    minVersion: 'TLSv1.2',
    ...(tls === 'old' && oldTls),
  };
}

/** Required by BMCs from before 2015: TLS 1.0, 1024-bit keys, SHA-1, no secure renegotiation (RFC 5746). */
const oldTls: ConnectionOptions = {
  minVersion: 'TLSv1',
  ciphers: 'DEFAULT:@SECLEVEL=0',
  secureOptions: constants.SSL_OP_LEGACY_SERVER_CONNECT,
};

/** @returns why the peer must not be trusted; undefined if it is verified */
function judge(socket: TLSSocket, trust: Trust): string | undefined {
  if (trust.by === 'nothing') return undefined;
  const presented = socket.getPeerX509Certificate()?.fingerprint256.replaceAll(':', '').toLowerCase();
  if (presented === undefined) return 'it presented no certificate';
  if (trust.by === 'fingerprint') {
    if (presented === trust.sha256.toLowerCase()) return undefined;
    return `its certificate has the SHA-256 fingerprint ${presented}, not ${trust.sha256.toLowerCase()}`;
  }
  if (socket.authorized) return undefined;
  return `its certificate is not trusted (${reasonOf(socket.authorizationError)}); SHA-256 fingerprint ${presented}`;
}

function reasonOf(error: Error | string | null): string {
  const code = error instanceof Error ? ((error as NodeJS.ErrnoException).code ?? error.message) : String(error);
  return reasonTable[code] ?? code;
}

/** Verification error codes of OpenSSL and Node → readable messages. */
const reasonTable: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: 'self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'signed by an unknown authority',
  UNABLE_TO_GET_ISSUER_CERT: 'signed by an unknown authority',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'signed by an unknown authority',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'signed by an unknown authority',
  CERT_HAS_EXPIRED: 'expired',
  CERT_NOT_YET_VALID: 'not valid yet',
  ERR_TLS_CERT_ALTNAME_INVALID: 'made for another name',
};
