/**
 * Serial consoles over WebSocket, compatible with Nova's serial proxy: binary frames with the machine's output one way,
 * and input the other. The API issues a console token to an authorized user; it is part of the URL, works once and
 * expires soon.
 */
import type { IncomingMessage } from 'node:http';
import { createRequire } from 'node:module';
import type { Duplex } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import type { WebSocket, WebSocketServer } from 'ws';
import { asFault, redactFault } from '#domain/faults.ts';
import type { Engine } from '#engine/contract.ts';
import { type ConsoleGrant, type ConsoleTickets, consolePath } from './console-tickets.ts';

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
    const grant = token === undefined ? undefined : await tickets.take(token);
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
  app.server.on('upgrade', (request, socket, head) => {
    admit(request, socket, head).catch((error: unknown) => {
      app.log.error({ err: error }, 'could not read a console ticket');
      refuse(socket, '503 Service Unavailable');
    });
  });
  app.addHook('preClose', async () => {
    for (const client of grants.keys()) client.close(closeCodes.done, 'Ingot stops');
    sockets?.close();
  });
}

function isSame(one: ConsoleGrant, other: ConsoleGrant): boolean {
  return one.node === other.node && one.server === other.server;
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
