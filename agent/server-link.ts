import { Agent, type ClientRequest, type IncomingMessage, type RequestOptions, request } from 'node:http';
import { request as requestByTls } from 'node:https';
import { setTimeout as pause } from 'node:timers/promises';
import type { ServerOptions } from './options.ts';
import { PinnedConnections } from './pinned-connections.ts';

/** The server responded with an error status. */
export class Refused extends Error {
  override name = 'Refused';
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const firstPauseMs = 250;
const longestPauseMs = 15_000;

/** Retry delays: doubling, with up to a quarter of jitter so that the machines of a rack do not retry in step. */
export function* backoff(): Generator<number, never> {
  for (let ms = firstPauseMs; ; ms = Math.min(ms * 2, longestPauseMs)) yield ms * (1 + Math.random() / 4);
}

/** `token` and `baseUrl`: for images, as in the protocol's messages.ts; absent = those for messages. */
type GetOptions = { from?: number; signal: AbortSignal; silenceMs?: number; token?: string; baseUrl?: string | undefined };
type Sending = {
  method: string;
  body?: string;
  headers?: Record<string, string>;
  signal: AbortSignal;
  answerMs?: number;
  token?: string | undefined;
  baseUrl?: string | undefined;
};

/** HTTP to the provisioning listener. Every call has a timeout; only `untilHeard` retries for ever. */
export class ServerLink {
  #server: ServerOptions;
  #plain = new Agent({ keepAlive: true, maxSockets: 4 });
  #pinned: PinnedConnections | undefined;
  #signal: AbortSignal;
  /** Credential of requests: the bootstrap token, and after the hello the session token. */
  token: string;

  constructor(server: ServerOptions, signal: AbortSignal) {
    this.#server = server;
    this.#signal = signal;
    this.token = server.token;
    if (server.certificate) this.#pinned = new PinnedConnections(server.certificate);
  }

  /** POSTs JSON. @returns the response's JSON, or nothing for 204. Throws Refused, or the connection's error. */
  async post(route: string, body: unknown, timeoutMs = 20_000): Promise<unknown> {
    const text = JSON.stringify(body);
    const signal = AbortSignal.any([this.#signal, AbortSignal.timeout(timeoutMs)]);
    const response = await this.#send(route, { method: 'POST', body: text, signal });
    const answer = await readText(response);
    const status = response.statusCode ?? 0;
    if (status >= 300) throw new Refused(status, `${route} was answered with ${status}: ${answer.slice(0, 300)}`);
    return answer === '' ? undefined : JSON.parse(answer);
  }

  /**
   * GETs a file as a stream, starting at byte `from` if the server supports ranges (status 206, else 200 and all of
   * it). Fails after `silenceMs` without a byte.
   */
  async get(path: string, { from = 0, signal, silenceMs = 60_000, token, baseUrl }: GetOptions): Promise<IncomingMessage> {
    const headers: Record<string, string> = from > 0 ? { range: `bytes=${from}-` } : {};
    const bounded = AbortSignal.any([this.#signal, signal]);
    const response = await this.#send(path, { method: 'GET', headers, signal: bounded, answerMs: silenceMs, token, baseUrl });
    if (response.statusCode !== 200 && response.statusCode !== 206) {
      response.destroy();
      throw new Refused(response.statusCode ?? 0, `GET ${path} was answered with ${response.statusCode}`);
    }
    response.setTimeout(silenceMs, () => response.destroy(new Error(`no data from the server for ${silenceMs / 1000} s`)));
    return response;
  }

  /** Retries `call` until the server accepts it. `onFailure` is called for the first of consecutive equal failures. */
  async untilHeard<T>(call: () => Promise<T>, onFailure: (message: string) => void): Promise<T> {
    let last = '';
    for (const ms of backoff()) {
      try {
        return await call();
      } catch (error) {
        this.#signal.throwIfAborted();
        const message = (error as Error).message;
        if (message !== last) onFailure(message);
        last = message;
      }
      await pause(ms, undefined, { signal: this.#signal });
    }
    throw new Error('unreachable');
  }

  close(): void {
    this.#plain.destroy();
    this.#pinned?.destroy();
  }

  #send(
    path: string,
    { method, body, headers, signal, answerMs, token = this.token, baseUrl = this.#server.url }: Sending,
  ): Promise<IncomingMessage> {
    const all: Record<string, string | number> = { ...headers, authorization: `Bearer ${token}` };
    if (body !== undefined) {
      all['content-type'] = 'application/json';
      all['content-length'] = Buffer.byteLength(body);
    }
    return new Promise((resolve, reject) => {
      const sent = this.#open(baseUrl + path, { method, headers: all, signal }, resolve);
      if (answerMs)
        sent.setTimeout(answerMs, () => sent.destroy(new Error(`no answer from the server for ${answerMs / 1000} s`)));
      sent.on('error', reject);
      sent.end(body);
    });
  }

  #open(url: string, options: RequestOptions, onResponse: (response: IncomingMessage) => void): ClientRequest {
    if (!url.startsWith('https:')) return request(url, { ...options, agent: this.#plain }, onResponse);
    return requestByTls(url, { ...options, agent: this.#pinned ?? refuseTls() }, onResponse);
  }
}

function refuseTls(): never {
  throw new Refused(0, 'an HTTPS address without a certificate to compare');
}

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
