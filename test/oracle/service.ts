/** A bare metal API under comparison: Ironic, or Ingot. */
import { once } from 'node:events';
import { request } from 'node:http';
import { buffer } from 'node:stream/consumers';
import type { Reply } from './compare.ts';
import { type Ask, newest } from './row.ts';

/** Timeout of one response. */
const maxWaitMs = 60_000;

export class Service {
  readonly name: string;
  readonly base: string;
  readonly #headers: Readonly<Record<string, string>>;

  /** @param base URL before `/v1` @param headers of each request */
  constructor(name: string, base: string, headers: Readonly<Record<string, string>> = {}) {
    this.name = name;
    this.base = base;
    this.#headers = headers;
  }

  async ask({ method, path, body, raw, version = newest, headers = {} }: Ask): Promise<Reply> {
    const text = raw ?? (body === undefined ? undefined : JSON.stringify(body));
    const all = {
      ...(text !== undefined && { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(text)) }),
      ...(version !== null && { 'x-openstack-ironic-api-version': version }),
      ...this.#headers,
      ...headers,
    };
    // A kept connection may be closed by the service while the next request is on its way.
    const options = { method, headers: all, signal: AbortSignal.timeout(maxWaitMs), agent: false };
    const asked = request(`${this.base}/v1${path}`, options);
    asked.end(text);
    const [reply] = await once(asked, 'response');
    const received = (await buffer(reply)).toString('utf8');
    return { status: reply.statusCode, headers: reply.headers, body: received };
  }

  /** For requests that must succeed. */
  async get(ask: Ask): Promise<Record<string, unknown>> {
    const { status, body } = await this.ask(ask);
    if (status >= 400) throw new Error(`${this.name}: ${ask.method} ${ask.path} ${JSON.stringify(ask.body)}: ${status} ${body}`);
    return body === '' ? {} : JSON.parse(body);
  }
}
