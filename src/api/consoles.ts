/**
 * Serial consoles over WebSocket, as Nova's serial proxy speaks: binary frames, what the machine prints one way, what is
 * typed the other. Who may see a console gets a ticket from the API; the ticket stands in the URL, works once and not long.
 */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { type WebSocket, WebSocketServer } from 'ws';
import { asFault } from '#domain/faults.ts';
import type { Engine } from '#engine/contract.ts';

export const consolePath = '/console';

const ticketMs = 600_000;
const ticketsMax = 10_000;
/** A browser tab that was closed with its lid says nothing more (milliseconds). */
const pingMs = 30_000;
const socketsMax = 500;
/** Nobody types so much at once (bytes). */
const frameMax = 64 * 1024;

/** Status codes of RFC 6455 section 7.4.1. */
const closeCodes = { done: 1000, policy: 1008, failed: 1011 } as const;

export class ConsoleTickets {
  readonly #nodes = new Map<string, { node: string; until: number }>();

  /** @returns the URL for one visit: `ws://host/console?token=…` */
  issue(nodeUuid: string, baseUrl: string): string {
    this.#forgetOld();
    const token = randomBytes(24).toString('base64url');
    this.#nodes.set(token, { node: nodeUuid, until: Date.now() + ticketMs });
    return `${baseUrl.replace(/^http/, 'ws')}${consolePath}?token=${token}`;
  }

  /** The node that the ticket is for; undefined where it is worth nothing (any more). */
  take(token: string): string | undefined {
    const ticket = this.#nodes.get(token);
    this.#nodes.delete(token);
    return ticket && ticket.until > Date.now() ? ticket.node : undefined;
  }

  /** Oldest first; beyond so many the oldest go, used or not. */
  #forgetOld(): void {
    for (const [token, { until }] of this.#nodes) {
      if (until > Date.now() && this.#nodes.size < ticketsMax) break;
      this.#nodes.delete(token);
    }
  }
}

type Parts = { engine: Pick<Engine, 'attachConsole'>; tickets: ConsoleTickets };

export function serveConsoles(app: FastifyInstance, { engine, tickets }: Parts): void {
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: frameMax,
    handleProtocols: (offered) => (offered.has('binary') ? 'binary' : false),
  });
  app.server.on('upgrade', (request, socket, head) => {
    const url = new URL(request.url ?? '', 'http://ingot');
    const node = url.pathname === consolePath ? tickets.take(url.searchParams.get('token') ?? '') : undefined;
    if (!node || sockets.clients.size >= socketsMax) return refuse(request, socket);
    sockets.handleUpgrade(request, socket, head, (client) => void converse(client, node, engine));
  });
  app.addHook('preClose', async () => {
    for (const client of sockets.clients) client.close(closeCodes.done, 'Ingot stops');
    sockets.close();
  });
}

function refuse(request: IncomingMessage, socket: Duplex): void {
  const status = request.url?.startsWith(consolePath) ? '403 Forbidden' : '404 Not Found';
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

async function converse(client: WebSocket, node: string, engine: Parts['engine']): Promise<void> {
  const early: Buffer[] = [];
  const keep = (data: Buffer) => void early.push(data);
  client.on('error', () => client.terminate());
  client.on('message', keep);
  const line = await engine.attachConsole(node).catch((error: unknown) => {
    // A control frame has room for 123 bytes of reason.
    client.close(closeCodes.policy, asFault(error).message.slice(0, 100));
  });
  if (!line) return;
  client.off('message', keep);
  for (const data of early) line.write(data);
  join(client, line);
}

function join(client: WebSocket, line: Duplex): void {
  let alive = true;
  const heartbeat = setInterval(() => {
    if (!alive) return client.terminate();
    alive = false;
    client.ping();
  }, pingMs);
  client.on('pong', () => {
    alive = true;
  });
  client.on('message', (data: Buffer) => void line.write(data));
  client.once('close', () => {
    clearInterval(heartbeat);
    line.destroy();
  });
  line.on('data', (chunk: Buffer) => {
    line.pause();
    client.send(chunk, { binary: true }, () => void line.resume());
  });
  line.once('close', () => client.close(closeCodes.done, 'the console was closed'));
}
