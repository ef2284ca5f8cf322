/**
 * What Node.js does not see to at a listener: how many connections there are and whose, peers that send a body nobody
 * waits for, that take a reply by drops, or that send many requests at once without waiting for a reply.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Server, Socket } from 'node:net';
import type { ConnectionTable } from './connection-table.ts';

/** Requests of one connection that may be under way: clients that send the next before the reply are rare, floods are not. */
const pipelineMax = 32;
/** After a reply to a request that was not read: so long, and so much, a client may go on sending before it is cut off. */
const lingerMs = 5_000;
const lingerBytes = 4 * 1024 * 1024;
const sweepMs = 30_000;
/** A reply has to be taken faster than this, looked at over the whole window; an agent's disk may stop it for minutes. */
const slowWindowMs = 300_000;
const slowBytesPerSecond = 256;

/** Watches over a listener. */
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

  /** Ends connections whose peers take their replies too slowly. @param now milliseconds, of any clock */
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
 * A reply that comes before the whole request ends the connection: what is still sent is not waited for. The client can
 * read the reply first, though, which a reset would take from it.
 */
function closeIfUnread(request: IncomingMessage, response: ServerResponse): void {
  if (!hasBody(request)) return;
  const writeHead = response.writeHead.bind(response) as (...args: unknown[]) => ServerResponse;
  response.writeHead = ((...args: unknown[]) => {
    if (!request.complete) {
      response.shouldKeepAlive = false;
      // What Node.js calls when the last reply of a connection is out.
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

/** Errors of accept(2) that pass: the listener goes on, and the client tries again. */
export function isPassing(error: NodeJS.ErrnoException): boolean {
  return ['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'ECONNABORTED', 'EAGAIN'].includes(error.code ?? '');
}
