/**
 * The Redfish front end of a virtual BMC, over HTTP or HTTPS (DSP0266). Its resources are functions of the board that
 * the IPMI front end also shows; vendor differences are data (redfish-shape.ts).
 */
import { createHash } from 'node:crypto';
import { createServer as createHttp, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createHttps } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { BmcModel } from '../bmc-model.ts';
import { type BmcProfileChanges, changeBmcProfile, defaultBmcProfile } from '../bmc-profile.ts';
import { errorBody, RedfishRefusal, type Resource } from './messages.ts';
import type { RedfishShape } from './redfish-shape.ts';
import type { Answer, Call, Route } from './route.ts';
import { allowedMethods, findRoute, type RouteTable, routeTable } from './route-table.ts';
import { ServiceState } from './service-state.ts';
import { dressResource } from './vendor-profile.ts';

export type RedfishServiceOptions = {
  readonly address: string;
  /** 0 = any free port; see `RedfishService.port`. */
  readonly port: number;
  readonly bmcModel: BmcModel;
  readonly profile?: BmcProfileChanges;
  /** PEM. Absent = plain HTTP. */
  readonly tls?: { readonly key: string; readonly cert: string };
  /** Download folder for virtual media and firmware; absent = they are recorded and not downloaded. */
  readonly mediaFolder?: string;
  /** Called after each request, for logs and counters. */
  readonly onRequest?: (report: { readonly method: string; readonly path: string; readonly status: number }) => void;
  /** Called when a chassis action fails after the response, or on a defect of the service. */
  readonly onError?: (error: unknown) => void;
};

export type RedfishService = {
  readonly address: string;
  readonly port: number;
  readonly url: string;
  readonly sessionCount: number;
  /** Sessions opened since the start. */
  readonly logins: number;
  setBmcProfile(changes: BmcProfileChanges): void;
  /** Drops sessions and tasks, as a BMC does on restart. */
  restart(): void;
  close(): Promise<void>;
};

export async function startRedfishService(options: RedfishServiceOptions): Promise<RedfishService> {
  const service = new VirtualService(options);
  await service.listen();
  return service;
}

const mostBodyBytes = 1024 * 1024;

class VirtualService implements RedfishService {
  readonly #options: RedfishServiceOptions;
  readonly #state: ServiceState;
  readonly #server: Server;
  #routes: RouteTable;

  constructor(options: RedfishServiceOptions) {
    this.#options = options;
    const { bmcModel, mediaFolder, onError, tls } = options;
    const profile = changeBmcProfile(defaultBmcProfile, options.profile ?? {});
    this.#state = new ServiceState({ bmcModel, profile, mediaFolder, onError });
    this.#routes = routeTable(this.#state);
    const serve = (request: IncomingMessage, reply: ServerResponse) => void this.#serve(request, reply);
    this.#server = tls ? createHttps({ ...tls }, serve) : createHttp(serve);
    // Subscribers that disconnect, and clients that speak no HTTP, are not reported.
    this.#server.on('clientError', (_, socket) => socket.destroy());
  }

  get address(): string {
    return this.#options.address;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo | null)?.port ?? this.#options.port;
  }

  get url(): string {
    return `${this.#options.tls ? 'https' : 'http'}://${this.address}:${this.port}`;
  }

  get sessionCount(): number {
    return this.#state.sessions.all.length;
  }

  get logins(): number {
    return this.#state.sessions.logins;
  }

  setBmcProfile(changes: BmcProfileChanges): void {
    this.#state.profile = changeBmcProfile(this.#state.profile, changes);
    this.#routes = routeTable(this.#state);
  }

  restart(): void {
    this.#state.restart();
  }

  listen(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once('error', reject);
    this.#server.listen(this.#options.port, this.#options.address, () => {
      this.#server.off('error', reject);
      resolve();
    });
    return promise;
  }

  async close(): Promise<void> {
    this.#state.close();
    const closed = new Promise<void>((resolve) => void this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  async #serve(request: IncomingMessage, reply: ServerResponse): Promise<void> {
    const { silent, delayMs, dropRate } = this.#state.profile;
    request.on('error', () => {});
    if (silent) return;
    if (Math.random() < dropRate) return void request.destroy();
    if (delayMs > 0) await new Promise<void>((resolve) => setTimeout(resolve, delayMs).unref());
    const answer = await this.#answer(request, reply);
    const status = answer === 'taken' ? 200 : answer.status;
    this.#options.onRequest?.({ method: request.method ?? '', path: request.url ?? '', status });
    if (answer === 'taken') return;
    if (Math.random() < dropRate) return void request.destroy();
    send(reply, answer, request.method === 'HEAD');
  }

  async #answer(request: IncomingMessage, reply: ServerResponse): Promise<Wire> {
    try {
      return await this.#carryOut(request, reply);
    } catch (error) {
      const refusal = error instanceof RedfishRefusal ? error : new RedfishRefusal('GeneralError', ['a defect']);
      if (refusal !== error) this.#options.onError?.(error);
      const body = errorBody(this.#state.shape, refusal);
      return { status: refusal.status, body, headers: refusal.headers };
    }
  }

  async #carryOut(request: IncomingMessage, reply: ServerResponse): Promise<Wire> {
    this.#expectReady();
    const { pathname, searchParams: query } = new URL(request.url ?? '/', 'http://bmc');
    const method = request.method === 'HEAD' ? 'GET' : (request.method ?? '');
    const { route, ids } = findRoute(this.#routes, pathname) ?? {};
    const user = route?.open?.includes(method) ? undefined : this.#authenticate(request);
    if (!route || !ids) throw new RedfishRefusal('ResourceMissingAtURI', [pathname]);
    const allow = allowedMethods(route);
    if (!allow.includes(method)) throw new RedfishRefusal('OperationNotAllowed', [], { allow: allow.join(', ') });
    const call: Call = { state: this.#state, ids, query, user, request, reply };
    if (method === 'GET') return this.#read(route, call, allow);
    if (user && !mayWrite(user.privilege, route.writer)) throw new RedfishRefusal('InsufficientPrivilege');
    return this.#write(route, call, method);
  }

  #expectReady(): void {
    const seconds = Math.ceil((this.#state.busyUntil - performance.now()) / 1000);
    if (seconds > 0)
      throw new RedfishRefusal('ServiceTemporarilyUnavailable', [String(seconds)], { 'retry-after': String(seconds) });
  }

  #authenticate({ headers }: IncomingMessage) {
    const token = headers['x-auth-token'];
    try {
      return this.#state.sessions.authenticate(Array.isArray(token) ? token[0] : token, headers.authorization);
    } catch (error) {
      const challenge = { 'www-authenticate': 'Basic realm="Redfish"' };
      throw error instanceof RedfishRefusal ? new RedfishRefusal(error.messageName, error.args, challenge) : error;
    }
  }

  #read(route: Route, call: Call, allow: readonly string[]): Wire {
    if (route.answer) return route.answer(call);
    const { body, etag } = this.#represent(route, call);
    const headers = { allow: allow.join(', '), ...etag };
    if (etag.etag !== undefined && call.request.headers['if-none-match'] === etag.etag) return { status: 304, headers };
    return { status: 200, body, headers };
  }

  #represent(route: Route, call: Call): { body: Resource; etag: { etag?: string } } {
    const { shape } = this.#state;
    const body = dressResource(shape, route.kind, route.get!(call));
    if (shape.etags === 'none') return { body, etag: {} };
    const etag = etagOf(shape, body);
    return { body: { ...body, '@odata.etag': etag }, etag: { etag } };
  }

  async #write(route: Route, call: Call, method: string): Promise<Wire> {
    if (method === 'DELETE') {
      route.delete?.(call);
      return { status: 204 };
    }
    if (method === 'PATCH') this.#expectMatch(route, call);
    const body = route.raw ? {} : await readBody(call.request);
    if (method === 'POST') return (await route.post?.({ ...call, body })) ?? { status: 204 };
    const entries = Object.entries(body).filter(([name]) => !name.includes('@odata.'));
    if (entries.length === 0) throw new RedfishRefusal('NoOperation');
    const deeds = entries.map(([name, value]) => {
      const writer = Object.hasOwn(route.patch ?? {}, name) ? route.patch?.[name] : undefined;
      if (writer) return writer(value, { ...call, body });
      const isKnown = route.get && Object.hasOwn(route.get(call), name);
      throw new RedfishRefusal(isKnown ? 'PropertyNotWritable' : 'PropertyUnknown', [name]);
    });
    for (const deed of deeds) await deed();
    const { body: after, etag } = this.#represent(route, call);
    return { status: 200, body: after, headers: etag };
  }

  /** DSP0266, "ETags": If-Match protects a PATCH against concurrent changes. */
  #expectMatch(route: Route, call: Call): void {
    const { etags, ifMatch } = this.#state.shape;
    if (etags === 'none') return;
    const wanted = call.request.headers['if-match'];
    if (wanted === undefined) {
      if (ifMatch === 'required') throw new RedfishRefusal('PreconditionRequired');
      return;
    }
    const { etag } = this.#represent(route, call).etag;
    const strip = (text: string | undefined) => text?.replace(/^W\//, '');
    if (wanted !== '*' && strip(wanted) !== strip(etag)) throw new RedfishRefusal('PreconditionFailed');
  }
}

type Wire =
  | Answer
  | { readonly status: number; readonly body?: Resource | string; readonly headers?: Readonly<Record<string, string>> };

const levels = ['user', 'operator', 'administrator'];

function mayWrite(privilege: string, needed = 'operator'): boolean {
  return levels.indexOf(privilege) >= levels.indexOf(needed);
}

function etagOf({ etags }: RedfishShape, body: Resource): string {
  const hash = createHash('sha1').update(JSON.stringify(body)).digest('hex').slice(0, 16);
  return etags === 'weak' ? `W/"${hash}"` : `"${hash}"`;
}

async function readBody(request: IncomingMessage): Promise<Resource> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > mostBodyBytes) throw new RedfishRefusal('GeneralError', ['the body is too large']);
    chunks.push(chunk);
  }
  if (bytes === 0) return {};
  return parseBody(Buffer.concat(chunks).toString());
}

function parseBody(text: string): Resource {
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body as Resource;
  } catch {
    // It is reported below.
  }
  throw new RedfishRefusal('MalformedJSON');
}

function send(reply: ServerResponse, { status, body, headers = {} }: Exclude<Wire, 'taken'>, isHead: boolean): void {
  const isText = typeof body === 'string';
  const text = body === undefined ? '' : isText ? body : JSON.stringify(body);
  const type = isText ? 'text/html' : 'application/json;odata.metadata=minimal;charset=utf-8';
  const about = body === undefined ? {} : { 'content-type': type };
  const length = status === 204 || status === 304 ? {} : { 'content-length': Buffer.byteLength(text) };
  reply.on('error', () => {});
  reply.writeHead(status, { 'odata-version': '4.0', 'cache-control': 'no-store', ...about, ...length, ...headers });
  reply.end(isHead ? undefined : text);
}
