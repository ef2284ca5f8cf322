/**
 * Serial consoles over WebSocket, compatible with Nova's serial proxy: binary frames with the machine's output one way,
 * and input the other. The API issues a console token to an authorized user; it is part of the URL, works once and
 * expires soon.
 */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { createRequire } from 'node:module';
import type { Duplex } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import type { WebSocket, WebSocketServer } from 'ws';
import { asFault, redactFault } from '#domain/faults.ts';
import type { Engine } from '#engine/contract.ts';
import type { TokenPayload } from '#services/identity/tokens.ts';

export const consolePath = '/console';

const ticketMs = 600_000;
const ticketsMax = 10_000;
/** Per visitor: a further token evicts the visitor's oldest, and no other visitor's. */
const ticketsMaxEach = 16;
/** Ping interval in milliseconds: a client that was suspended or lost its network does not close its connection. */
const pingMs = 30_000;
const socketsMax = 500;
const socketsMaxEach = 10;
/** Maximum frame in bytes, more than anyone types at once. */
const frameMax = 64 * 1024;
/** Input frames buffered until the console is connected. */
const earlyMax = 16;

/** Status codes of RFC 6455 section 7.4.1. */
const closeCodes = { done: 1000, policy: 1008, failed: 1011 } as const;

/**
 * Access to a node's console, for an administrator, or for the owner of `server` while it is on the node. It expires
 * with the token that requested it.
 */
export type ConsoleGrant = { readonly node: string; readonly server?: string; readonly token: TokenPayload };

export class ConsoleTickets {
  readonly #tickets = new Map<string, { grant: ConsoleGrant; until: number }>();

  /** @returns the single-use URL: `ws://host/console?token=…` */
  issue(grant: ConsoleGrant, baseUrl: string): string {
    this.#forgetOld(grant);
    const token = randomBytes(24).toString('base64url');
    this.#tickets.set(token, { grant, until: Date.now() + ticketMs });
    return `${baseUrl.replace(/^http/, 'ws')}${consolePath}?token=${token}`;
  }

  /** Redeems a console token; undefined if it is unknown, used or expired. */
  take(token: string): ConsoleGrant | undefined {
    const ticket = this.#tickets.get(token);
    this.#tickets.delete(token);
    return ticket && ticket.until > Date.now() ? ticket.grant : undefined;
  }

  /** Above the limit evicts the oldest, used or not. */
  #forgetOld(newcomer: ConsoleGrant): void {
    for (const [token, { until }] of this.#tickets) {
      if (until > Date.now() && this.#tickets.size < ticketsMax) break;
      this.#tickets.delete(token);
    }
    const own = [...this.#tickets].filter(([, { grant }]) => isSame(grant, newcomer));
    for (const [token] of own.slice(0, -ticketsMaxEach + 1)) this.#tickets.delete(token);
  }
}

function isSame(one: ConsoleGrant, other: ConsoleGrant): boolean {
  return one.node === other.node && one.server === other.server;
}

type Parts = {
  readonly engine: Pick<Engine, 'attachConsole'>;
  readonly tickets: ConsoleTickets;
  /** Whether the visitor's token is still valid and authorized for this console. */
  isAllowed(grant: ConsoleGrant): Promise<boolean>;
  /** Interval of this check while a console is open (milliseconds). */
  readonly checkMs?: number;
};

export function serveConsoles(app: FastifyInstance, { engine, tickets, checkMs = pingMs, ...parts }: Parts): void {
  const isAllowed = (grant: ConsoleGrant) => parts.isAllowed(grant).catch(() => false);
  let sockets: WebSocketServer | undefined;
  const grants = new Map<WebSocket, ConsoleGrant>();
  const isFull = (grant: ConsoleGrant) =>
    grants.size >= socketsMax || [...grants.values()].filter((each) => isSame(each, grant)).length >= socketsMaxEach;
  const admit = async (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    // No other handler listens from now on, and the client may disconnect before the response.
    socket.on('error', () => socket.destroy());
    const token = tokenOf(request);
    const grant = token === undefined ? undefined : tickets.take(token);
    if (!grant || !(await isAllowed(grant)) || isFull(grant))
      return refuse(socket, token === undefined ? '404 Not Found' : '403 Forbidden');
    sockets ??= openSockets();
    sockets.handleUpgrade(request, socket, head, (client) => {
      grants.set(client, grant);
      client.once('close', () => grants.delete(client));
      const check = setInterval(async () => {
        if (!(await isAllowed(grant))) client.close(closeCodes.policy, 'the token is no longer good');
      }, checkMs);
      client.once('close', () => clearInterval(check));
      void converse(client, grant, engine);
    });
  };
  app.server.on('upgrade', (request, socket, head) => void admit(request, socket, head));
  app.addHook('preClose', async () => {
    for (const client of grants.keys()) client.close(closeCodes.done, 'Ingot stops');
    sockets?.close();
  });
}

/** The package is needed only once a console is opened. */
function openSockets(): WebSocketServer {
  const ws = createRequire(import.meta.url)('ws') as typeof import('ws');
  return new ws.WebSocketServer({
    noServer: true,
    maxPayload: frameMax,
    handleProtocols: (offered) => (offered.has('binary') ? 'binary' : false),
  });
}

/** Undefined if it is not a console URL; the request is unauthenticated. */
function tokenOf({ url = '' }: IncomingMessage): string | undefined {
  const [path, query] = url.split('?', 2);
  return path === consolePath ? (new URLSearchParams(query).get('token') ?? '') : undefined;
}

function refuse(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

async function converse(client: WebSocket, { node, server }: ConsoleGrant, engine: Parts['engine']): Promise<void> {
  const early: Buffer[] = [];
  const keep = (data: Buffer) => {
    if (early.length < earlyMax) early.push(data);
    else client.terminate();
  };
  client.on('error', () => client.terminate());
  client.on('message', keep);
  const line = await engine.attachConsole(node, server).catch((error: unknown) => {
    // A control frame holds at most 123 bytes of reason.
    const fault = asFault(error);
    client.close(closeCodes.policy, (server === undefined ? fault : redactFault(fault)).message.slice(0, 100));
  });
  if (!line) return;
  if (client.readyState !== client.OPEN) return void line.destroy();
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
