/** Client of one Redfish service: one request at a time, in a persistent session. DSP0266. */

import { SerialQueue } from '#async/serial-queue.ts';
import { pause } from '#async/timers.ts';
import { readMembers } from './collection.ts';
import { etagTable } from './etags.ts';
import { createExchange, type Exchange, type Incoming, type Leniency, type Outgoing } from './exchange.ts';
import { linkOf, redirectedPath } from './links.ts';
import { type Deadline, Login } from './login.ts';
import { complaints, isObject } from './messages.ts';
import {
  type Part,
  type RedfishClient,
  RedfishError,
  type RedfishPeer,
  type RedfishReply,
  type RedfishRequest,
  type Resource,
} from './redfish-client.ts';
import { readReply, secretsIn, withMessages } from './reply.ts';
import { type EventStream, type ServerEvent, streamEvents } from './server-sent-events.ts';
import { followTask, retryAfter } from './task-monitor.ts';
import { createFileBody, createForm, type Form } from './uploads.ts';

/** Milliseconds, except `replyBytes`. */
export type RedfishLimits = {
  readonly connectMs: number;
  /** Deadline of one read request, retries included. */
  readonly readMs: number;
  /** Deadline for reading a whole collection, which may take thousands of requests. */
  readonly collectionMs: number;
  /** Deadline of one write request; BMCs can take long to respond. */
  readonly writeMs: number;
  /** Deadline of a file upload. */
  readonly uploadMs: number;
  readonly taskMs: number;
  /** Poll interval of tasks. */
  readonly taskPauseMs: number;
  /** How long a rejected password is not retried. */
  readonly refusalMs: number;
  /** How long basic authentication is used while no session is free; the retry interval where basic is not allowed. */
  readonly fullMs: number;
  readonly fullPauseMs: number;
  /** Delay before a read that failed with 5xx is retried once. */
  readonly upsetMs: number;
  /** Idle timeout after which the session is deleted; BMCs support few sessions. */
  readonly idleMs: number;
  /** Timeout for deleting the session on close. */
  readonly closeMs: number;
  readonly replyBytes: number;
};

export const defaultLimits: RedfishLimits = {
  connectMs: 10_000,
  readMs: 30_000,
  collectionMs: 900_000,
  writeMs: 60_000,
  uploadMs: 900_000,
  taskMs: 120_000,
  taskPauseMs: 2_000,
  refusalMs: 30_000,
  fullMs: 60_000,
  fullPauseMs: 3_000,
  upsetMs: 1_000,
  idleMs: 300_000,
  closeMs: 3_000,
  replyBytes: 8 * 1024 * 1024,
};

/** A client that also receives events from the service. */
export type RedfishService = RedfishClient & {
  /** Events over a separate connection (DSP0266 "Server-sent events"). Ends on `signal`, `close`, or by the service. */
  stream(path: string, heard: (event: ServerEvent) => void, request?: RedfishRequest): Promise<EventStream>;
  readonly peer: RedfishPeer;
  /** Workarounds that the service was found to need. */
  readonly leniencies: ReadonlySet<Leniency>;
};

type Method = Outgoing['method'];
type Body = Pick<Outgoing, 'body'> & { headers: Readonly<Record<string, string>>; secrets: readonly string[] };
type Call = {
  method: Method;
  path: string;
  body?: Body;
  secrets?: readonly string[] | undefined;
  request?: RedfishRequest | undefined;
  etag?: string | undefined;
  /** Whether to wait while the service is busy; default true. */
  waits?: boolean;
};

/** DSP0266 "Protocol version": the first is mandatory. Nettrix has only the second; the first returns 401. */
const [rootPath, bareRootPath] = ['/redfish/v1/', '/redfish/v1'];
const withoutRoot = [401, 403, 404];
const busy = [429, 503];
/** Returned occasionally by iDRAC, mainly under load or just after a restart; a retry of the read succeeds. */
const upset = [500, 502, 503, 504];
const mostRedirects = 3;
const stale = [412, 428];

export function openRedfishClient(peer: RedfishPeer, limits: Partial<RedfishLimits> = {}): RedfishService {
  return new Conversation(peer, { ...defaultLimits, ...limits });
}

class Conversation implements RedfishService {
  readonly peer: RedfishPeer;
  readonly #limits: RedfishLimits;
  readonly #exchange: Exchange;
  readonly #login: Login;
  readonly #queue = new SerialQueue();
  readonly #closing = new AbortController();
  #root: Resource | undefined;
  /** Path of the service root; undefined until it has been read. */
  #rootPath: string | undefined;
  #idle: NodeJS.Timeout | undefined;
  #streams = 0;
  #cannotExpand = false;

  constructor(peer: RedfishPeer, limits: RedfishLimits) {
    this.peer = peer;
    this.#limits = limits;
    this.#exchange = createExchange(peer, limits);
    this.#login = new Login({ peer, send: (...call) => this.#send(...call), limits, root: (asking) => this.#readRoot(asking) });
  }

  get leniencies(): ReadonlySet<Leniency> {
    return this.#exchange.leniencies;
  }

  get(path: string, request?: RedfishRequest): Promise<RedfishReply> {
    return this.#call({ method: 'GET', path, request });
  }

  async patch(path: string, body: Resource, request?: RedfishRequest): Promise<RedfishReply> {
    const call = { method: 'PATCH', path, body: json(body), request } as const;
    const reply = await this.#follow(call, await this.#patchUnchanged(call));
    const messages = complaints(reply.body, Object.keys(body));
    if (messages.length === 0) return reply;
    const { secrets } = call.body;
    throw withMessages('answered', { request: `PATCH ${path}`, what: 'not all of it was taken', messages, secrets });
  }

  async post(path: string, body: Resource, request?: RedfishRequest): Promise<RedfishReply> {
    const call = { method: 'POST', path, body: json(body), request } as const;
    return this.#follow(call, await this.#call(call));
  }

  async delete(path: string, request?: RedfishRequest & { readonly body?: Resource }): Promise<RedfishReply> {
    const call = { method: 'DELETE', path, request, ...(request?.body && { body: json(request.body) }) } as const;
    return this.#follow(call, await this.#call(call));
  }

  upload(path: string, parts: readonly Part[], request?: RedfishRequest): Promise<RedfishReply> {
    return this.#transfer(path, createForm(parts), request);
  }

  push(path: string, file: { readonly path: string; readonly size: number }, request?: RedfishRequest): Promise<RedfishReply> {
    return this.#transfer(path, createFileBody(file), request);
  }

  async #transfer(path: string, body: Form, request?: RedfishRequest): Promise<RedfishReply> {
    const timed = { timeout: this.#limits.uploadMs, ...request };
    const call = { method: 'POST', path, body: { ...body, secrets: [] }, request: timed } as const;
    return this.#follow(call, await this.#call(call));
  }

  async members(path: string, request?: RedfishRequest): Promise<Resource[]> {
    const signal = this.#signal(request);
    const deadline = { signal, until: Date.now() + this.#limits.readMs };
    const root = await this.#queue
      .run(() => this.#readRoot(deadline), signal)
      .catch((error) => rethrow(error, `GET ${path}`, signal));
    const until = Date.now() + this.#limits.collectionMs;
    return readMembers(path, {
      get: (page) => {
        if (Date.now() > until) throw tooSlow(path, this.#limits.collectionMs);
        return this.get(page, request);
      },
      expand: this.#cannotExpand ? undefined : expandQuery(root),
      cannotExpand: () => {
        this.#cannotExpand = true;
      },
      leftOut: (failure) => request?.notice?.(`left out: ${failure.message}`),
    });
  }

  async stream(path: string, heard: (event: ServerEvent) => void, request?: RedfishRequest): Promise<EventStream> {
    const signal = this.#signal(request);
    const timeout = request?.timeout ?? this.#limits.readMs;
    const headers = await this.#queue
      .run(() => this.#login.headers({ signal, until: Date.now() + timeout }), signal)
      .catch((error) => rethrow(error, `GET ${path}`, signal));
    const outgoing = { method: 'GET', path, headers: { ...headers, accept: 'text/event-stream' }, timeout, signal } as const;
    const stream = await streamEvents({ outgoing, open: (asked) => this.#exchange.open(asked), heard, signal });
    this.#streams++;
    void stream.ended.then(() => this.#streams--);
    return stream;
  }

  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    clearTimeout(this.#idle);
    await this.#login.close(this.#limits.closeMs);
    this.#exchange.close();
  }

  /** Sends the current ETag of the resource in If-Match; retries by `etagTable` if the service wants another form. */
  async #patchUnchanged(call: Call): Promise<RedfishReply> {
    const given = call.request?.etag;
    if (given !== undefined) return this.#call({ ...call, etag: given });
    let refusal: unknown;
    for (const { choose } of etagTable) {
      const current = await this.#call({ method: 'GET', path: call.path, request: call.request });
      try {
        return await this.#call({ ...call, etag: choose(current) });
      } catch (error) {
        if (!isStale(error)) throw error;
        refusal = error;
      }
    }
    throw refusal;
  }

  #follow({ method, path, body, request }: Call, reply: RedfishReply): Promise<RedfishReply> | RedfishReply {
    const timeout = request?.taskTimeout ?? this.#limits.taskMs;
    if (reply.status !== 202 || request?.task === 'accept') return reply;
    return followTask(reply, {
      request: `${method} ${path}`,
      get: (task) => this.#call({ method: 'GET', path: task, secrets: body?.secrets, request }).catch(whereTasksCannotBeSeen),
      secrets: body?.secrets,
      signal: this.#signal(request),
      timeout,
      pause: this.#limits.taskPauseMs,
    });
  }

  async #call(call: Call): Promise<RedfishReply> {
    const { method, path, body, secrets = body?.secrets ?? [], request } = call;
    const name = `${method} ${path}`;
    const signal = this.#signal(request);
    const work = async () => {
      const timeout = request?.timeout ?? (method === 'GET' ? this.#limits.readMs : this.#limits.writeMs);
      const deadline = { signal, until: Date.now() + timeout };
      if (path === rootPath && this.peer.auth === 'basic') await this.#readRoot(deadline);
      const { incoming, isKnown } = await this.#sendKnown(call, deadline);
      const reply = readReply(incoming, { request: name, secrets: [this.peer.password, ...secrets], isKnown });
      if (reply.status > 299) request?.notice?.(`${name}: ${reply.status}, and what the service could read`);
      return reply;
    };
    this.#restLater();
    return this.#queue.run(work, signal).catch((error) => rethrow(error, name, signal));
  }

  /** A stream lives only as long as the session that opened it. */
  #restLater(): void {
    clearTimeout(this.#idle);
    const { idleMs, closeMs } = this.#limits;
    const rest = () => (this.#streams > 0 ? this.#restLater() : void this.#queue.run(() => this.#login.close(closeMs)));
    this.#idle = setTimeout(rest, idleMs).unref();
  }

  /** Sends an authenticated request. If the service has dropped the session, opens a new one, once. */
  async #sendKnown(call: Call, deadline: Deadline): Promise<{ incoming: Incoming; isKnown: boolean }> {
    const first = await this.#send(call, await this.#login.headers(deadline), deadline);
    if (first.status !== 401) return { incoming: first, isKnown: false };
    if (await this.#login.rejected(this.#limits.closeMs)) {
      const headers = await this.#login.headers(deadline);
      return { incoming: await this.#send(call, headers, deadline), isKnown: 'x-auth-token' in headers };
    }
    this.#rememberRefusal(call, first);
    return { incoming: first, isKnown: false };
  }

  #rememberRefusal({ method, path }: Call, incoming: Incoming): void {
    try {
      readReply(incoming, { request: `${method} ${path}`, secrets: [this.peer.password] });
    } catch (error) {
      this.#login.remember(error as RedfishError);
    }
  }

  /** Follows same-origin redirects, honors Retry-After of a busy service and retries reads, all within the deadline. */
  async #send(call: Call, login: Record<string, string>, deadline: Deadline): Promise<Incoming> {
    if (call.path === rootPath) return this.#sendToRoot(call, login, deadline);
    return this.#sendTo(call, login, deadline);
  }

  /** Never resends a rejected password: BMCs count failed logins. */
  async #sendToRoot(call: Call, login: Record<string, string>, deadline: Deadline): Promise<Incoming> {
    const first = await this.#sendTo({ ...call, path: this.#rootPath ?? rootPath }, login, deadline);
    if (this.#rootPath !== undefined || !withoutRoot.includes(first.status) || 'authorization' in login) return first;
    const second = await this.#sendTo({ ...call, path: bareRootPath }, login, deadline);
    const isThere = second.status === 200;
    this.#rootPath = isThere ? bareRootPath : rootPath;
    return isThere ? second : first;
  }

  async #sendTo(call: Call, login: Record<string, string>, deadline: Deadline): Promise<Incoming> {
    const { body, etag } = call;
    const added = { ...login, ...(etag !== undefined && { 'if-match': etag }) };
    let { method, path } = call;
    for (let redirects = 0, again = 0; ; ) {
      const left = Math.max(1, deadline.until - Date.now());
      const content = method === 'GET' ? {} : { ...(body?.body && { body: body.body }) };
      const headers = { ...usualHeaders, ...(method !== 'GET' && body?.headers), ...added };
      const incoming = await this.#exchange.send({ method, path, headers, timeout: left, signal: deadline.signal, ...content });
      const isUpset = method === 'GET' && upset.includes(incoming.status) && again++ === 0;
      const asked = call.waits !== false && busy.includes(incoming.status) ? retryAfter(incoming.headers) : undefined;
      const wait = asked ?? (isUpset ? this.#limits.upsetMs : undefined);
      if (wait !== undefined && Date.now() + wait < deadline.until) {
        await pause(Math.max(wait, 100), deadline.signal);
        continue;
      }
      const next = redirectedMethod(incoming, method);
      if (next === undefined || ++redirects > mostRedirects) return incoming;
      const target = redirectedPath(incoming.headers['location'], this.peer.url + path);
      if (target === undefined) throw redirectedAway(`${method} ${path}`, incoming);
      [method, path] = [next, target];
    }
  }

  /** Read once and without authentication, which every service must allow. */
  async #readRoot(deadline: Deadline): Promise<Resource> {
    if (this.#root) return this.#root;
    const call = { method: 'GET', path: rootPath } as const;
    let incoming = await this.#send(call, {}, deadline);
    if (incoming.status === 401 || incoming.status === 403) {
      // Violates DSP0266, but is harmless: the standard paths are tried.
      incoming = { ...incoming, status: 200, body: Buffer.alloc(0) };
    }
    this.#root = keepOf(readReply(incoming, { request: `GET ${rootPath}`, secrets: [this.peer.password] }).body);
    return this.#root;
  }

  #signal(request: RedfishRequest | undefined): AbortSignal {
    return request?.signal ? AbortSignal.any([request.signal, this.#closing.signal]) : this.#closing.signal;
  }
}

/**
 * iDRAC 9 before 7.10.30 and AMI delete a task within seconds of its end: the resource shows the effect. A busy status,
 * or a server error without a message, tells nothing about the task: it is polled until its deadline. An error with a
 * message may be the result of the task (DSP0266: the monitor responds as the operation would have).
 */
function whereTasksCannotBeSeen(error: unknown): RedfishReply {
  if (!(error instanceof RedfishError)) throw error;
  const { status = 0, messages } = error;
  if (status === 404 || status === 410) return { status: 204, headers: {}, body: {}, etag: undefined };
  if (busy.includes(status) || (upset.includes(status) && messages.length === 0))
    return { status: 202, headers: {}, body: {}, etag: undefined };
  throw error;
}

function rethrow(error: unknown, request: string, signal: AbortSignal): never {
  if (error instanceof RedfishError || !signal.aborted) throw error;
  throw new RedfishError('closed', { request, detail: 'it was cancelled' });
}

/** No compression: it costs the BMC CPU time, and some services weaken their ETags with it. */
const usualHeaders = { accept: 'application/json', 'accept-encoding': 'identity', 'odata-version': '4.0' };

function json(body: Resource): Body {
  const bytes = Buffer.from(JSON.stringify(body));
  const headers = { 'content-type': 'application/json', 'content-length': String(bytes.length) };
  return { body: bytes, headers, secrets: secretsIn(body) };
}

function redirectedAway(request: string, { headers, status }: Incoming): RedfishError {
  const { location = '' } = headers;
  const where = URL.canParse(location) ? new URL(location).origin.slice(0, 100) : 'nowhere';
  return new RedfishError('unfit', { request, detail: `it redirects elsewhere (${where})`, status });
}

/**
 * The method for following a redirect (RFC 9110 section 15.4); undefined = do not follow. 301 keeps the method, too:
 * services use it to add a missing slash to a path, and a command turned into a GET would be lost silently.
 */
function redirectedMethod({ status }: Incoming, method: Method): Method | undefined {
  if (status === 301 || status === 307 || status === 308) return method;
  if (status === 303) return 'GET';
  return status === 302 && method === 'GET' ? method : undefined;
}

function tooSlow(path: string, ms: number): RedfishError {
  return new RedfishError('answered', { request: `GET ${path}`, detail: `its members were not read within ${ms / 1000} s` });
}

function isStale(error: unknown): boolean {
  return error instanceof RedfishError && stale.includes(error.status ?? 0);
}

/** The fields of the service root that are needed later. It is cached as long as the client, and can be large. */
function keepOf(root: Resource): Resource {
  const [links, features] = [root['Links'], root['ProtocolFeaturesSupported']];
  const sessions = isObject(links) ? linkOf(links['Sessions']) : undefined;
  const expand = isObject(features) && isObject(features['ExpandQuery']) ? features['ExpandQuery'] : {};
  return {
    ...(sessions !== undefined && { Links: { Sessions: { '@odata.id': sessions } } }),
    ProtocolFeaturesSupported: { ExpandQuery: { NoLinks: expand['NoLinks'] === true, Levels: expand['Levels'] === true } },
  };
}

/** `ProtocolFeaturesSupported.ExpandQuery` of the service root; DSP0266 "$expand". */
function expandQuery(root: Resource): string | undefined {
  const features = root['ProtocolFeaturesSupported'];
  const expand = isObject(features) ? features['ExpandQuery'] : undefined;
  if (!isObject(expand) || expand['NoLinks'] !== true) return undefined;
  return expand['Levels'] === true ? '$expand=.($levels=1)' : '$expand=.';
}
