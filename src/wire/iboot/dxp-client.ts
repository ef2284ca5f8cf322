import { connect, type Socket } from 'node:net';
import { type DxpCommand, decodeHello, dxpHello, encodeCommand, nextSequence } from './dxp-packets.ts';

export type DxpPeer = { readonly address: string; readonly port: number; readonly user: string; readonly password: string };

/**
 * - `silent`: no connection, or no response before the timeout;
 * - `refused`: the device closed the connection without a response, as for a wrong user name or password;
 * - `answered`: the device reported an error.
 */
export type DxpFailure = 'silent' | 'refused' | 'answered';

export class DxpError extends Error {
  override name = 'DxpError';
  readonly failure: DxpFailure;

  constructor(failure: DxpFailure, detail: string) {
    super(detail);
    this.failure = failure;
  }
}

/** `timeout`: milliseconds for the entire exchange. */
export type DxpBounds = { readonly timeout: number; readonly signal?: AbortSignal | undefined };

/** Switches one relay, counted from 1. */
export async function changeRelay(peer: DxpPeer, change: { relay: number; on: boolean }, bounds: DxpBounds): Promise<void> {
  const [status] = await converse(peer, { command: { name: 'change relay', ...change }, length: 1 }, bounds);
  // "Descriptors": 0 successful, 1 error.
  if (status !== 0) throw new DxpError('answered', `status ${status} for relay ${change.relay}`);
}

/**
 * @param count number of relays to read: the device may have more or fewer, and does not report how many
 * @returns relay 1 first; at least one, at most `count`
 */
export async function getRelays(peer: DxpPeer, count: number, bounds: DxpBounds): Promise<boolean[]> {
  const states = await converse(peer, { command: { name: 'get relays' }, length: count }, bounds);
  return [...states].map((state) => state === 1);
}

/** `length`: maximum number of response bytes to read. */
type Exchange = { readonly command: DxpCommand; readonly length: number };

/** Timeout for the rest of a response that has begun, in milliseconds: it arrives at once, or there is no more. */
const restTimeout = 500;

/** Opens a connection per command: the device serves few at once and never drops an open one. */
async function converse(peer: DxpPeer, { command, length }: Exchange, { timeout, signal }: DxpBounds): Promise<Buffer> {
  const socket = connect({ host: peer.address, port: peer.port, noDelay: true });
  const giveUp = () => socket.destroy(signal?.reason);
  const timer = setTimeout(() => socket.destroy(new DxpError('silent', 'no answer in time')), timeout);
  if (signal?.aborted) giveUp();
  signal?.addEventListener('abort', giveUp, { once: true });
  try {
    const inbox = new Inbox(socket);
    socket.write(dxpHello);
    const hello = await inbox.read({ least: 2, most: 2 }).catch((error: unknown) => {
      // The user name and password have not been sent yet.
      if (error instanceof DxpError && error.failure === 'refused')
        throw new DxpError('silent', 'it closed the connection without a reply: it accepts few connections at once');
      throw error;
    });
    const sequence = nextSequence(decodeHello(hello));
    socket.write(encodeCommand({ user: peer.user, password: peer.password, sequence }, command));
    return await inbox.read({ least: 1, most: length });
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    throw error instanceof DxpError ? error : new DxpError('silent', (error as Error).message);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', giveUp);
    socket.destroy();
  }
}

/** Received bytes that have not been read yet. */
class Inbox {
  readonly #socket: Socket;
  readonly #pieces: AsyncIterator<Buffer>;
  #bytes = Buffer.alloc(0);

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#pieces = socket[Symbol.asyncIterator]();
  }

  async read({ least, most }: { least: number; most: number }): Promise<Buffer> {
    while (this.#bytes.length < least) {
      const piece = await this.#next();
      if (!piece) throw this.#ended();
      this.#bytes = Buffer.concat([this.#bytes, piece]);
    }
    if (this.#bytes.length < most) await this.#readRest(most);
    const taken = this.#bytes.subarray(0, most);
    this.#bytes = this.#bytes.subarray(most);
    return taken;
  }

  async #readRest(most: number): Promise<void> {
    const timer = setTimeout(() => this.#socket.destroy(), restTimeout);
    for (let piece = await this.#next(); piece; piece = await this.#next()) {
      this.#bytes = Buffer.concat([this.#bytes, piece]);
      if (this.#bytes.length >= most) break;
    }
    clearTimeout(timer);
  }

  /** Undefined = the connection has ended; `#ended` has the reason. */
  async #next(): Promise<Buffer | undefined> {
    const { value } = await this.#pieces.next().catch(() => ({ value: undefined }));
    return value;
  }

  #ended(): Error {
    const cause: NodeJS.ErrnoException | null = this.#socket.errored;
    if (cause && cause.code !== 'ECONNRESET') return cause;
    return new DxpError('refused', 'no reply: it closed the connection, as for a wrong user name or password');
  }
}
