/** One HTTP request and its reply, bounded in time and size. What goes wrong is a RedfishError. */
import { type Agent, type ClientRequest, type IncomingMessage, request as plainRequest } from 'node:http';
import { request as tlsRequest } from 'node:https';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ConnectTimeout, createAgent, UntrustedPeer } from '../http/connections.ts';
import { RedfishError, type RedfishPeer } from './redfish-client.ts';

export type Outgoing = {
  readonly method: 'GET' | 'PATCH' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Buffer | (() => Readable);
  /** Milliseconds until the whole reply is here. */
  readonly timeout: number;
  readonly signal?: AbortSignal | undefined;
};

export type Incoming = { readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly body: Buffer };

export type Bounds = {
  /** Bytes of one reply. */
  readonly replyBytes: number;
  /** Milliseconds until a connection stands. */
  readonly connectMs: number;
};

export type Exchange = {
  send(outgoing: Outgoing): Promise<Incoming>;
  /** The reply while it comes, on a connection of its own; `timeout` counts until its head is here. */
  open(outgoing: Outgoing): Promise<IncomingMessage>;
  close(): void;
};

/** A connection that rested longer may be closed by the BMC in the moment it is used: a command takes a new one then. */
const restMs = 1_000;

export function createExchange(peer: RedfishPeer, bounds: Bounds): Exchange {
  const connecting = { peer, connectMs: bounds.connectMs };
  const agent = createAgent(connecting);
  const streams = new Set<Agent>();
  let usedAt = 0;
  const once = async (outgoing: Outgoing): Promise<Incoming> => {
    if (outgoing.method !== 'GET' && Date.now() - usedAt > restMs) agent.destroy();
    try {
      const reply = await start({ peer, agent, outgoing });
      return await collect(reply, outgoing, bounds.replyBytes);
    } finally {
      usedAt = Date.now();
    }
  };
  return {
    async send(outgoing) {
      try {
        return await once(outgoing);
      } catch (error) {
        if (outgoing.method === 'GET' && error instanceof StaleConnection) return await once(outgoing).catch(unwrap);
        return unwrap(error);
      }
    },
    async open(outgoing) {
      const own = createAgent(connecting);
      streams.add(own);
      const end = () => {
        own.destroy();
        streams.delete(own);
      };
      try {
        const { reply, done } = await start({ peer, agent: own, outgoing });
        done();
        reply.once('close', end);
        return reply;
      } catch (error) {
        end();
        return unwrap(error);
      }
    },
    close() {
      agent.destroy();
      for (const own of streams) own.destroy();
    },
  };
}

/** A kept connection that the service had closed meanwhile: nothing of the request was heard. */
class StaleConnection extends Error {
  readonly failure: RedfishError;

  constructor(failure: RedfishError) {
    super(failure.message);
    this.failure = failure;
  }
}

function unwrap(error: unknown): never {
  throw error instanceof StaleConnection ? error.failure : error;
}

type Started = { reply: IncomingMessage; request: ClientRequest; done: () => void; failureOf: (error: unknown) => unknown };

type Starting = { peer: RedfishPeer; agent: Agent; outgoing: Outgoing };

/** Resolves when the head of the reply is here; the deadline and the signal count on until `done`. */
function start({ peer, agent, outgoing }: Starting): Promise<Started> {
  const { method, path, body, timeout, signal } = outgoing;
  const name = `${method} ${path}`;
  const fail = (failure: 'silent' | 'closed', detail: string) => new RedfishError(failure, { request: name, detail });
  if (signal?.aborted) return Promise.reject(fail('closed', 'it was cancelled'));
  const { promise, resolve, reject } = Promise.withResolvers<Started>();
  const request = makeRequest({ peer, agent, outgoing });
  if (request === undefined) {
    const detail = 'the service names an address or a header that cannot be sent';
    return Promise.reject(new RedfishError('unfit', { request: JSON.stringify(name.slice(0, 200)), detail }));
  }
  const timer = setTimeout(() => request.destroy(fail('silent', `no reply within ${timeout / 1000} s`)), timeout);
  const cancel = () => request.destroy(fail('closed', 'it was cancelled'));
  signal?.addEventListener('abort', cancel, { once: true });
  const done = () => {
    clearTimeout(timer);
    signal?.removeEventListener('abort', cancel);
  };
  const failureOf = (error: unknown) => explain(error, name);
  request.once('response', (reply) => resolve({ reply, request, done, failureOf }));
  request.on('error', (error) => {
    done();
    const failure = failureOf(error);
    const isStale = request.reusedSocket && (error as NodeJS.ErrnoException).code === 'ECONNRESET';
    reject(isStale ? new StaleConnection(failure) : failure);
  });
  if (typeof body === 'function') pipeline(body(), request).catch((error) => request.destroy(error));
  else request.end(body);
  return promise;
}

/**
 * Paths, tokens and ETags come from the service. A path that begins otherwise would lead to another host
 * (`@elsewhere/`), and odd characters are refused by Node.
 */
function makeRequest({ peer, agent, outgoing }: Starting): ClientRequest | undefined {
  const { method, path, headers } = outgoing;
  if (!path.startsWith('/')) return undefined;
  const make = peer.url.startsWith('http:') ? plainRequest : tlsRequest;
  try {
    return make(peer.url + path, { method, headers, agent });
  } catch {
    return undefined;
  }
}

async function collect(
  { reply, request, done, failureOf }: Started,
  { method, path }: Outgoing,
  limit: number,
): Promise<Incoming> {
  const chunks: Buffer[] = [];
  let size = 0;
  const unfit = (detail: string) => new RedfishError('unfit', { request: `${method} ${path}`, detail });
  try {
    for await (const chunk of reply as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > limit) throw unfit(`the reply is larger than ${limit} bytes`);
      chunks.push(chunk);
    }
    if (!reply.complete) throw unfit('the reply ended early');
  } catch (error) {
    request.destroy();
    if ((error as NodeJS.ErrnoException).code === 'ECONNRESET') throw unfit('the reply ended early');
    throw failureOf(error);
  } finally {
    done();
  }
  return { status: reply.statusCode ?? 0, headers: flat(reply), body: Buffer.concat(chunks) };
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
    return new RedfishError('unfit', { request, detail: `no TLS 1.2 or later could be agreed on (${code})` });
  }
  return new RedfishError('silent', { request, detail: silenceTable[code] ?? code ?? message });
}

/** Errors of sockets in words. */
const silenceTable: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the connection was refused',
  ECONNRESET: 'the connection was cut',
  EHOSTUNREACH: 'no route to it',
  ENETUNREACH: 'no route to its network',
  ETIMEDOUT: 'no connection in time',
  ENOTFOUND: 'its name is unknown',
  EAI_AGAIN: 'its name could not be looked up',
};
