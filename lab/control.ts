/**
 * Protocol of the rack's process: JSON lines over a Unix socket in the state folder. A response repeats the `id` of its
 * request; lines without an id are notifications from the machines.
 */
import { EventEmitter, once } from 'node:events';
import { chmodSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { BootOverrideRequest } from './bmc/boot-override.ts';
import type { MediaDevice } from './bmc/chassis.ts';
import { onMessage, sendMessage } from './json-lines.ts';
import type { NetworkBoot } from './machine-states.ts';

export type ControlRequest =
  | { readonly action: 'status' }
  | { readonly action: 'power'; readonly machine: string; readonly command: PowerCommand }
  | BootRequest
  | { readonly action: 'network boot'; readonly machine: string; readonly way: NetworkBoot }
  | { readonly action: 'medium'; readonly machine: string; readonly device: MediaDevice; readonly path: string | null }
  | { readonly action: 'set'; readonly machine: string; readonly changes: Readonly<Record<string, unknown>> }
  | { readonly action: 'stop' };
/** `httpUri`: as in `BootOverrideRequest`. */
export type BootRequest = {
  readonly action: 'boot';
  readonly machine: string;
  readonly device: OverrideDevice;
  readonly persistent: boolean;
  readonly httpUri?: string | undefined;
};
export const powerCommands = ['on', 'off', 'reset', 'cycle', 'soft', 'nmi'] as const;
export const overrideDevices = ['none', 'pxe', 'disk', 'cdrom', 'floppy'] as const satisfies BootOverrideRequest['device'][];
export type OverrideDevice = (typeof overrideDevices)[number];
export const mediaDevices = ['cdrom', 'disk', 'floppy'] as const satisfies MediaDevice[];
export type PowerCommand = (typeof powerCommands)[number];
export type ControlNews = { readonly machine: string; readonly state: string };

type Numbered = object & { readonly id: number };
/** Only this project's own programs send requests: the socket is accessible to its owner only. */
type Handler<Request> = (request: Request) => Promise<unknown>;
type Reply = { id: number; result: unknown } | { id: number; error: string };

/** Linux's limit for the path of a Unix socket, without its terminating zero. */
const longestPath = 107;

export class ControlServer {
  readonly #path: string;
  readonly #server: Server;
  readonly #clients = new Set<Socket>();

  private constructor(path: string, server: Server) {
    this.#path = path;
    this.#server = server;
  }

  static async start<Request = ControlRequest>(path: string, handle: Handler<Request>): Promise<ControlServer> {
    if (path.length > longestPath) throw new Error(`the state folder's path is too long for a socket (${longestPath}): ${path}`);
    rmSync(path, { force: true });
    const server = createServer();
    const control = new ControlServer(path, server);
    server.on('connection', (client) => control.#serve(client, handle as Handler<object>));
    server.listen(path);
    await once(server, 'listening');
    chmodSync(path, 0o600);
    return control;
  }

  send(news: ControlNews): void {
    for (const client of this.#clients) sendMessage(client, news);
  }

  /** When their connection ends, clients know that the rack is down. */
  close(): void {
    this.#server.close();
    for (const client of this.#clients) client.end();
    rmSync(this.#path, { force: true });
  }

  #serve(client: Socket, handle: Handler<object>): void {
    this.#clients.add(client);
    client.on('close', () => this.#clients.delete(client));
    onMessage<Numbered>(client, (request) => void answer(request, handle).then((reply) => sendMessage(client, reply)));
  }
}

async function answer({ id, ...request }: Numbered, handle: Handler<object>): Promise<Reply> {
  try {
    return { id, result: (await handle(request)) ?? null };
  } catch (error) {
    return { id, error: (error as Error).message };
  }
}

/** Emits `news` for notifications, and `end` when the rack's process has exited. */
export class ControlClient extends EventEmitter<{ news: [ControlNews]; end: [] }> {
  readonly #socket: Socket;
  readonly #waiting = new Map<number, { resolve: (result: unknown) => void; reject: (error: Error) => void }>();
  #lastId = 0;
  #ended = false;

  private constructor(socket: Socket) {
    super();
    this.#socket = socket;
    socket.on('close', () => this.#finish());
    onMessage<Reply | ControlNews>(socket, (message) => this.#receive(message));
  }

  /** Rejects when no process listens. */
  static async connect(path: string): Promise<ControlClient> {
    const socket = connect(path);
    await once(socket, 'connect');
    return new ControlClient(socket);
  }

  get ended(): boolean {
    return this.#ended;
  }

  async ask<Request extends object = ControlRequest>(request: Request): Promise<unknown> {
    if (this.#ended) throw new Error('the rack is down');
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      sendMessage(this.#socket, { id, ...request });
    });
  }

  close(): void {
    this.#socket.end();
  }

  #receive(message: Reply | ControlNews): void {
    if (!('id' in message)) {
      this.emit('news', message);
      return;
    }
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if ('error' in message) waiting?.reject(new Error(message.error));
    else waiting?.resolve(message.result);
  }

  #finish(): void {
    this.#ended = true;
    for (const { reject } of this.#waiting.values()) reject(new Error('the rack went down before it answered'));
    this.#waiting.clear();
    this.emit('end');
  }
}
