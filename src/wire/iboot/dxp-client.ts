import { connect, type Socket } from 'node:net';
import { type DxpCommand, decodeHello, dxpHello, encodeCommand, nextSequence } from './dxp-packets.ts';

export type DxpPeer = { readonly address: string; readonly port: number; readonly user: string; readonly password: string };

/**
 * - `silent`: no connection, or no word in time;
 * - `refused`: the connection ended instead of an answer, as it does for a wrong user name or password;
 * - `answered`: the device says that it failed;
 * - `unfit`: it has no such relay.
 */
export type DxpFailure = 'silent' | 'refused' | 'answered' | 'unfit';

export class DxpError extends Error {
  override name = 'DxpError';
  readonly failure: DxpFailure;

  constructor(failure: DxpFailure, detail: string) {
    super(detail);
    this.failure = failure;
  }
}

/** `timeout`: milliseconds for the whole conversation. */
export type DxpBounds = { readonly timeout: number; readonly signal?: AbortSignal | undefined };

/** Switches one relay, counted from 1. */
export async function changeRelay(peer: DxpPeer, change: { relay: number; on: boolean }, bounds: DxpBounds): Promise<void> {
  const [status] = await converse(peer, { command: { name: 'change relay', ...change }, length: 1 }, bounds);
  // "Descriptors": 0 successful, 1 error.
  if (status !== 0) throw new DxpError('answered', `status ${status} for relay ${change.relay}`);
}

/**
 * @param count how many relays are of interest: the device has more or fewer, and tells no number
 * @returns relay 1 first; at least one, at most `count`
 */
export async function getRelays(peer: DxpPeer, count: number, bounds: DxpBounds): Promise<boolean[]> {
  const states = await converse(peer, { command: { name: 'get relays' }, length: count }, bounds);
  return [...states].map((state) => state === 1);
}

/** `length`: bytes of the longest answer that is of interest. */
type Exchange = { readonly command: DxpCommand; readonly length: number };

/** Milliseconds for the rest of an answer that has begun: it comes in one piece, or the device has no more to say. */
const restTimeout = 500;

/** A connection of its own for each command: the device serves few at once, and forgets none that is left open. */
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
      // No name and no password has been sent yet.
      if (error instanceof DxpError && error.failure === 'refused')
        throw new DxpError('silent', 'it closed the connection before it said anything: it serves few at once');
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

/** What has arrived and was not read yet. */
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

  /** Undefined = the connection has ended, in whatever way: `#ended` tells. */
  async #next(): Promise<Buffer | undefined> {
    const { value } = await this.#pieces.next().catch(() => ({ value: undefined }));
    return value;
  }

  #ended(): Error {
    const cause: NodeJS.ErrnoException | null = this.#socket.errored;
    if (cause && cause.code !== 'ECONNRESET') return cause;
    return new DxpError('refused', 'nothing: it closed the connection, as for a wrong user name or password');
  }
}
