/** One HTTP request and its response, bounded in time and size, to an authenticated peer. */
import { request as tlsRequest } from 'node:https';
import { request as plainRequest } from '#node-http/http.ts';
import { responseTo } from '#node-http/response-to.ts';
import type { Trust } from './connections.ts';
import { ConnectTimeout, createAgent, UntrustedPeer } from './connections.ts';

export type { Trust } from './connections.ts';

export type HttpRequest = {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** Default: none. */
  readonly body?: string | undefined;
  readonly trust: Trust;
  /** Timeout in milliseconds for the whole exchange, redirects included. */
  readonly timeout: number;
  readonly mostBytes: number;
  readonly signal?: AbortSignal | undefined;
};

export type HttpReply = { readonly status: number; readonly text: string };

/**
 * - `silent`: connection failed or the response timed out;
 * - `untrusted`: unexpected certificate; no request was sent;
 * - `unfit`: not HTTP, response too large, or a redirect to another origin.
 */
export type HttpFailure = 'silent' | 'untrusted' | 'unfit';

/** Never contains headers or a query string. */
export class HttpError extends Error {
  override name = 'HttpError';
  readonly failure: HttpFailure;

  constructor(failure: HttpFailure, detail: string) {
    super(detail);
    this.failure = failure;
  }
}

const mostRedirections = 3;

/** Follows redirects within the origin only, since headers hold secrets; methods other than GET only by 307 and 308. */
export async function exchange(request: HttpRequest): Promise<HttpReply> {
  const inTime = AbortSignal.timeout(request.timeout);
  const signal = request.signal ? AbortSignal.any([request.signal, inTime]) : inTime;
  const agent = createAgent({ peer: { url: request.url.origin, trust: request.trust }, connectMs: request.timeout });
  try {
    let { url } = request;
    for (let count = 0; count <= mostRedirections; count++) {
      const reply = await send({ ...request, url, signal }, agent);
      const next = redirection(reply, request.method, url);
      if (!next) return { status: reply.status, text: reply.text };
      url = next;
    }
    throw new HttpError('unfit', `more than ${mostRedirections} redirections`);
  } catch (error) {
    if (request.signal?.aborted) throw request.signal.reason;
    throw inTime.aborted ? new HttpError('silent', 'no reply in time') : toHttpError(error as Error);
  } finally {
    agent.destroy();
  }
}

type Received = HttpReply & { readonly location: string | undefined };

async function send({ url, ...request }: HttpRequest, agent: ReturnType<typeof createAgent>): Promise<Received> {
  const start = url.protocol === 'https:' ? tlsRequest : plainRequest;
  const { method, headers, body, signal } = request;
  const outgoing = start(url, { method, headers, agent, ...(signal && { signal }) });
  const head = responseTo(outgoing);
  outgoing.end(body);
  const response = await head;
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of response as AsyncIterable<Buffer>) {
    length += piece.length;
    if (length > request.mostBytes) throw new HttpError('unfit', `a reply of more than ${request.mostBytes} bytes`);
    pieces.push(piece);
  }
  return { status: response.statusCode ?? 0, location: response.headers.location, text: Buffer.concat(pieces).toString('utf8') };
}

/** RFC 9110 section 15.4. @returns undefined if the response is not a redirect to follow */
function redirection({ status, location }: Received, method: string, from: URL): URL | undefined {
  const keepsMethod = status === 307 || status === 308;
  const isRedirection = keepsMethod || status === 301 || status === 302 || status === 303;
  if (!isRedirection || location === undefined) return undefined;
  const to = URL.canParse(location, from) ? new URL(location, from) : undefined;
  if (to?.origin !== from.origin)
    throw new HttpError('unfit', `a redirection to ${to?.origin ?? 'no URL'}, which is not followed`);
  if (!keepsMethod && method !== 'GET')
    throw new HttpError('unfit', `a redirection (${status}) of a ${method}, which is not followed`);
  return to;
}

function toHttpError(error: Error): HttpError {
  if (error instanceof HttpError) return error;
  if (error instanceof UntrustedPeer) return new HttpError('untrusted', error.message);
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (code.startsWith('HPE_')) return new HttpError('unfit', `no HTTP (${error.message})`);
  return new HttpError('silent', error instanceof ConnectTimeout ? 'no connection in time' : error.message);
}
