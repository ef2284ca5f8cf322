/** One HTTP request and its response, bounded in time and size. Every failure is a RedfishError. */
import type { Agent, ClientRequest, IncomingMessage } from 'node:http';
import { request as tlsRequest } from 'node:https';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { gunzip, inflate } from 'node:zlib';
import { request as plainRequest } from '#node-http/http.ts';
import { responseTo } from '#node-http/response-to.ts';
import { ConnectTimeout, createAgent, UntrustedPeer } from '../http/connections.ts';
import { RedfishError, type RedfishPeer } from './redfish-client.ts';

export type Outgoing = {
  readonly method: 'GET' | 'PATCH' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Buffer | (() => Readable);
  /** Milliseconds until the response is complete. */
  readonly timeout: number;
  readonly signal?: AbortSignal | undefined;
};

export type Incoming = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** Why the body is incomplete. Only where the status suffices: errors, and successful changes. */
  readonly cut?: string;
};

export type Bounds = {
  /** Maximum size of one response in bytes. */
  readonly replyBytes: number;
  /** Connect timeout in milliseconds. */
  readonly connectMs: number;
};

/** Workarounds that a service can need; remembered until the client is closed. */
export const leniencies = {
  closesConnections: 'closes connections that it promised to keep',
  malformedHeaders: 'sends HTTP headers that RFC 9112 does not allow',
  smallHello: 'takes no TLS ClientHello of more than one packet',
} as const;
export type Leniency = (typeof leniencies)[keyof typeof leniencies];

export type Exchange = {
  readonly leniencies: ReadonlySet<Leniency>;
  send(outgoing: Outgoing): Promise<Incoming>;
  /** Opens a streaming response on its own connection; `timeout` applies until the headers arrive. */
  open(outgoing: Outgoing): Promise<IncomingMessage>;
  close(): void;
};

/** The BMC may close a connection that was idle for longer just as it is reused: a command opens a new one then. */
const restMs = 1_000;
/** Methods that may be retried when it is unknown whether the first request was processed (RFC 9110 section 9.2.2). */
const idempotent: readonly Outgoing['method'][] = ['GET', 'DELETE'];

export function createExchange(peer: RedfishPeer, bounds: Bounds): Exchange {
  return new KeptExchange(peer, bounds);
}

class KeptExchange implements Exchange {
  readonly leniencies = new Set<Leniency>();
  readonly #peer: RedfishPeer;
  readonly #bounds: Bounds;
  readonly #streams = new Set<Agent>();
  #agent: Agent;
  #usedAt = 0;

  constructor(peer: RedfishPeer, bounds: Bounds) {
    this.#peer = peer;
    this.#bounds = bounds;
    this.#agent = this.#createAgent();
  }

  async send(outgoing: Outgoing): Promise<Incoming> {
    try {
      return await this.#once(outgoing);
    } catch (error) {
      const mayRepeat = this.#learn(error) && idempotent.includes(outgoing.method);
      if (mayRepeat) return await this.#once(outgoing).catch(unwrap);
      return unwrap(error);
    }
  }

  async open(outgoing: Outgoing): Promise<IncomingMessage> {
    const own = this.#createAgent();
    this.#streams.add(own);
    const end = () => {
      own.destroy();
      this.#streams.delete(own);
    };
    try {
      const { reply, done } = await this.#start(own, outgoing);
      done();
      reply.once('close', end);
      return reply;
    } catch (error) {
      end();
      return unwrap(error);
    }
  }

  close(): void {
    this.#agent.destroy();
    for (const own of this.#streams) own.destroy();
  }

  #createAgent(): Agent {
    return createAgent({
      peer: this.#peer,
      connectMs: this.#bounds.connectMs,
      keepAlive: !this.leniencies.has(leniencies.closesConnections),
      smallHello: this.leniencies.has(leniencies.smallHello),
      onSmallHello: () => this.#found(leniencies.smallHello),
    });
  }

  async #once(outgoing: Outgoing): Promise<Incoming> {
    if (outgoing.method !== 'GET' && Date.now() - this.#usedAt > restMs) this.#agent.destroy();
    try {
      return await collect(await this.#start(this.#agent, outgoing), outgoing, this.#bounds.replyBytes);
    } finally {
      this.#usedAt = Date.now();
    }
  }

  #start(agent: Agent, outgoing: Outgoing): Promise<Started> {
    return start({ peer: this.#peer, agent, outgoing, isTolerant: this.leniencies.has(leniencies.malformedHeaders) });
  }

  /** @returns whether the failure revealed a property of the service that makes a retry worthwhile */
  #learn(error: unknown): boolean {
    if (error instanceof StaleConnection) return this.#found(leniencies.closesConnections);
    if (error instanceof MalformedHeaders) return this.#found(leniencies.malformedHeaders);
    return false;
  }

  #found(oddity: Leniency): boolean {
    if (this.leniencies.has(oddity)) return false;
    this.leniencies.add(oddity);
    // The next agent uses the workaround; requests in progress keep the previous agent.
    const former = this.#agent;
    this.#agent = this.#createAgent();
    if (oddity !== leniencies.smallHello) former.destroy();
    return true;
  }
}

/** A failure that reveals a property of the service. */
abstract class RevealingError extends Error {
  readonly failure: RedfishError;

  constructor(failure: RedfishError) {
    super(failure.message);
    this.failure = failure;
  }
}

/** A keep-alive connection that the service has closed or that is dead: no part of the request was processed. */
class StaleConnection extends RevealingError {}

/** Folded headers, bare line feeds, a header without a colon: Node's parser rejects the response before its body. */
class MalformedHeaders extends RevealingError {}

function unwrap(error: unknown): never {
  throw error instanceof RevealingError ? error.failure : error;
}

type Started = {
  reply: IncomingMessage;
  request: ClientRequest;
  done: () => void;
  failureOf: (error: unknown) => unknown;
  /** Why the client aborted; the response's own error only says that it ended. */
  givenUp: () => RedfishError | undefined;
};

type Starting = {
  peer: RedfishPeer;
  agent: Agent;
  outgoing: Outgoing;
  /** Accepts invalid headers. Only from a BMC: no downstream proxy or cache could be deceived by them. */
  isTolerant: boolean;
};

/** A reused connection without data for this share of a read's timeout is treated as dead. */
const reusedShare = 1 / 3;

/** Resolves when the response headers arrive; deadline and signal stay in force until `done`. */
async function start({ peer, agent, outgoing, isTolerant }: Starting): Promise<Started> {
  const { method, path, body, timeout, signal } = outgoing;
  const name = `${method} ${path}`;
  const fail = (failure: 'silent' | 'closed', detail: string) => new RedfishError(failure, { request: name, detail });
  if (signal?.aborted) throw fail('closed', 'it was cancelled');
  const request = makeRequest({ peer, agent, outgoing, isTolerant });
  if (request === undefined) {
    const detail = 'the service names an address or a header that cannot be sent';
    throw new RedfishError('unfit', { request: JSON.stringify(name.slice(0, 200)), detail });
  }
  const giveUpReused = () => request.reusedSocket && request.destroy(new StaleConnection(fail('silent', 'no reply')));
  let givenUp: RedfishError | undefined;
  const giveUp = (failure: RedfishError) => {
    givenUp = failure;
    request.destroy(failure);
  };
  const timer = setTimeout(() => giveUp(fail('silent', `no reply within ${timeout / 1000} s`)), timeout);
  const cancel = () => giveUp(fail('closed', 'it was cancelled'));
  signal?.addEventListener('abort', cancel, { once: true });
  const quiet = method === 'GET' ? setTimeout(giveUpReused, timeout * reusedShare) : undefined;
  const done = () => {
    clearTimeout(timer);
    clearTimeout(quiet);
    signal?.removeEventListener('abort', cancel);
  };
  const failureOf = (error: unknown) => explain(error, name);
  const head = responseTo(request);
  if (typeof body === 'function') pipeline(body(), request).catch((error) => request.destroy(error));
  else request.end(body);
  try {
    const reply = await head;
    clearTimeout(quiet);
    return { reply, request, done, failureOf, givenUp: () => givenUp };
  } catch (error) {
    done();
    throw revealingErrorOf(error, request.reusedSocket, failureOf(error));
  }
}

function revealingErrorOf(error: unknown, isReused: boolean, failure: RedfishError): Error {
  if (error instanceof StaleConnection) return error;
  const { code = '' } = error as NodeJS.ErrnoException;
  if (isReused && (code === 'ECONNRESET' || code === 'EPIPE')) return new StaleConnection(failure);
  return code.startsWith('HPE_') && code !== 'HPE_HEADER_OVERFLOW' ? new MalformedHeaders(failure) : failure;
}

/**
 * Paths, tokens and ETags come from the service. A path with another first character could address another host
 * (`@elsewhere/`), and Node rejects invalid characters.
 */
function makeRequest({ peer, agent, outgoing, isTolerant }: Starting): ClientRequest | undefined {
  const { method, path, headers } = outgoing;
  if (!path.startsWith('/')) return undefined;
  const make = peer.url.startsWith('http:') ? plainRequest : tlsRequest;
  try {
    return make(peer.url + path, { method, headers, agent, insecureHTTPParser: isTolerant, maxHeaderSize });
  } catch {
    return undefined;
  }
}

/** Four times what Node takes: cookies and policies of web servers that serve browsers, too. */
const maxHeaderSize = 64 * 1024;

async function collect(
  { reply, request, done, failureOf, givenUp }: Started,
  { method, path }: Outgoing,
  limit: number,
): Promise<Incoming> {
  const chunks: Buffer[] = [];
  let size = 0;
  let cut: string | undefined;
  let isDisconnected = false;
  try {
    for await (const chunk of reply as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > limit) throw new CutReply(`the reply is larger than ${limit} bytes`);
      chunks.push(chunk);
    }
    if (!reply.complete) throw new CutReply(endedEarly);
  } catch (error) {
    request.destroy();
    cut = cutOf(error);
    isDisconnected = cut === endedEarly;
    if (cut === undefined) throw failureOf(error);
  } finally {
    done();
  }
  const status = reply.statusCode ?? 0;
  // The status of an error or of a successful change is valid even with a truncated body.
  const isEnough = status > 299 || (method !== 'GET' && status > 199);
  const failure = cut === undefined ? undefined : givenUp();
  if (failure && (!isEnough || failure.failure === 'closed')) throw failure;
  const received = Buffer.concat(chunks);
  const unpacked = cut === undefined ? await decode(reply, received, limit).catch(() => undefined) : received;
  if (unpacked === undefined)
    cut = `the reply is no ${reply.headers['content-encoding']}, or unpacks to more than ${limit} bytes`;
  const cutFailure = isDisconnected ? 'disconnected' : 'unfit';
  if (cut !== undefined && !isEnough) throw new RedfishError(cutFailure, { request: `${method} ${path}`, detail: cut });
  return { status, headers: flat(reply), body: unpacked ?? Buffer.alloc(0), ...(cut !== undefined && { cut }) };
}

const endedEarly = 'the reply ended early';

class CutReply extends Error {}

/** @returns undefined if the error is not a truncated body */
function cutOf(error: unknown): string | undefined {
  if (error instanceof CutReply) return error.message;
  const { code = '', message } = error as NodeJS.ErrnoException;
  if (code === 'ECONNRESET') return endedEarly;
  return code.startsWith('HPE_') ? `the reply is no HTTP (${message})` : undefined;
}

const decoderTable: Readonly<Record<string, (body: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>>> = {
  gzip: promisify(gunzip),
  'x-gzip': promisify(gunzip),
  deflate: promisify(inflate),
};

/** Some web servers in front of BMCs compress although the request did not accept it. */
async function decode(reply: IncomingMessage, body: Buffer, maxOutputLength: number): Promise<Buffer> {
  const encoding = reply.headers['content-encoding']?.trim().toLowerCase() ?? '';
  const decoder = Object.hasOwn(decoderTable, encoding) ? decoderTable[encoding] : undefined;
  return decoder && body.length > 0 ? decoder(body, { maxOutputLength }) : body;
}

function flat(reply: IncomingMessage): Record<string, string> {
  return Object.fromEntries(Object.entries(reply.headers).map(([name, value]) => [name, String(value)]));
}

function explain(error: unknown, request: string): RedfishError {
  if (error instanceof RedfishError) return error;
  if (error instanceof UntrustedPeer) return new RedfishError('untrusted', { request, detail: error.message });
  if (error instanceof ConnectTimeout) return new RedfishError('silent', { request, detail: 'no connection in time' });
  const { code = '', message } = error as NodeJS.ErrnoException;
  if (/^HPE_/.test(code)) return new RedfishError('unfit', { request, detail: `the reply is no HTTP (${message})` });
  if (/^(EPROTO|ERR_SSL_)/.test(code)) {
    return new RedfishError('unsupported', { request, detail: tlsTrouble(code, message) });
  }
  return new RedfishError('silent', { request, detail: silenceTable[code] ?? (code || message) });
}

/** OpenSSL errors → what to do. Codes are `ERR_SSL_…`, or EPROTO with the reason in the text. */
const tlsTable: readonly (readonly [sign: RegExp, detail: string])[] = [
  [
    /unsafe.legacy.renegotiation/i,
    'it knows no secure renegotiation (RFC 5746); redfish_tls=old in driver_info of the node allows that',
  ],
  [
    /unsupported.protocol|protocol.version|no.protocols.available/i,
    'it speaks only TLS versions before 1.2; redfish_tls=old in driver_info of the node allows them',
  ],
  [
    /handshake.failure|no.shared.cipher|no.cipher|dh.key.too.small|ee.key.too.small|ca.md.too.weak|insufficient.security|internal.error/i,
    'no TLS cipher or key size could be agreed on; redfish_tls=old in driver_info of the node allows weak ones',
  ],
  [/wrong.version.number|packet.length.too.long|http.request/i, 'it does not speak TLS on this port; is redfish_address right?'],
];

function tlsTrouble(code: string, message: string): string {
  const known = tlsTable.find(([sign]) => sign.test(`${code} ${message}`))?.[1];
  return `${known ?? 'no TLS 1.2 or later could be agreed on'} (${code})`;
}

/** Socket error codes → readable messages. */
const silenceTable: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the connection was refused',
  ECONNRESET: 'the connection was cut',
  EHOSTUNREACH: 'no route to it',
  ENETUNREACH: 'no route to its network',
  ETIMEDOUT: 'no connection in time',
  ENOTFOUND: 'its name is unknown',
  EAI_AGAIN: 'its name could not be looked up',
};
