/**
 * Protection that Node.js does not give a listener: limits on connections in total and per peer, and against peers that
 * send an unread body, read a reply very slowly, or pipeline many requests.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Server, Socket } from 'node:net';
import type { ConnectionTable } from './connection-table.ts';

/** Concurrent requests per connection. Clients rarely pipeline; floods do. */
const pipelineMax = 32;
/** After a reply to an unread request, a client may keep sending this long and this much before it is disconnected. */
const lingerMs = 5_000;
const lingerBytes = 4 * 1024 * 1024;
const sweepMs = 30_000;
/** Minimum rate at which a reply must be read, averaged over the window; an agent's disk may stall it for minutes. */
const slowWindowMs = 300_000;
const slowBytesPerSecond = 256;

/** Guards one listener. */
export class ConnectionGuard {
  readonly #table: ConnectionTable;
  readonly #underWay = new WeakMap<Socket, number>();
  readonly #marks = new WeakMap<Socket, { at: number; taken: number }>();

  constructor(server: Server, table: ConnectionTable) {
    this.#table = table;
    server.prependListener('connection', (socket: Socket) => {
      if (!table.admit(socket)) socket.destroy();
    });
    server.prependListener('request', (request: IncomingMessage, response: ServerResponse) => {
      this.#countRequest(request.socket, response);
      closeIfUnread(request, response);
    });
    const timer = setInterval(() => this.sweep(performance.now()), sweepMs).unref();
    server.once('close', () => clearInterval(timer));
  }

  /** Closes connections whose peers read their replies too slowly. @param now milliseconds, of any clock */
  sweep(now: number): void {
    for (const socket of [...this.#table.sockets()]) {
      const taken = socket.bytesWritten - socket.writableLength;
      const mark = this.#marks.get(socket);
      const isWaiting = socket.writableLength > 0;
      if (!isWaiting) this.#marks.delete(socket);
      else if (!mark) this.#marks.set(socket, { at: now, taken });
      else if (now - mark.at < slowWindowMs) continue;
      else if (taken - mark.taken < (slowBytesPerSecond * slowWindowMs) / 1000) socket.destroy();
      else this.#marks.set(socket, { at: now, taken });
    }
  }

  #countRequest(socket: Socket, response: ServerResponse): void {
    const count = (this.#underWay.get(socket) ?? 0) + 1;
    this.#underWay.set(socket, count);
    response.once('close', () => this.#underWay.set(socket, (this.#underWay.get(socket) ?? 1) - 1));
    if (count > pipelineMax) socket.destroy();
  }
}

/**
 * A reply sent before the whole request has arrived ends the connection; the rest is not awaited. The connection
 * lingers so that the client can read the reply, which a reset would discard.
 */
function closeIfUnread(request: IncomingMessage, response: ServerResponse): void {
  if (!hasBody(request)) return;
  const writeHead = response.writeHead.bind(response) as (...args: unknown[]) => ServerResponse;
  response.writeHead = ((...args: unknown[]) => {
    if (!request.complete) {
      response.shouldKeepAlive = false;
      // Node.js calls this after the last reply of a connection.
      request.socket.destroySoon = () => linger(request.socket);
    }
    return writeHead(...args);
  }) as typeof response.writeHead;
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

function linger(socket: Socket): void {
  const before = socket.bytesRead;
  const end = () => socket.destroy();
  const timer = setTimeout(end, lingerMs).unref();
  socket.once('close', () => clearTimeout(timer)).once('end', end);
  socket.on('data', () => socket.bytesRead - before > lingerBytes && end());
  socket.end();
  socket.resume();
}

/** Transient errors of accept(2): the listener continues and the client retries. */
export function isPassing(error: NodeJS.ErrnoException): boolean {
  return ['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'ECONNABORTED', 'EAGAIN'].includes(error.code ?? '');
}
