/** Sends one request again and again over several connections, and measures processor time and latency. */
import { Agent, request as send } from 'node:http';
import { readThreadSeconds } from '../process-meter.ts';

export type Request = {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
};

export type Load = {
  readonly connections: number;
  /** At least so many requests are measured, and as many as there are connections. */
  readonly requests: number;
  /** Requests before those that are measured; as many as there are connections by default. */
  readonly warmUp?: number;
  /** Of the side that replies. */
  readonly pids: () => readonly number[];
  readonly signal: AbortSignal;
};

/**
 * Milliseconds: processor time for each request, median and 99th percentile of what the client waits. `refused`: how many of
 * the requests got another reply than they should, or none.
 */
export type Measured = {
  connections: number;
  requests: number;
  refused: number;
  perSecond: number;
  cpu: number;
  p50: number;
  p99: number;
};

const maxWaitMs = 600_000;
/** Of the requests. Keystone 22 under load refuses some validations of a good token. */
const maxRefused = 0.1;

export async function measureLoad(what: Request, { connections, requests, warmUp, pids, signal }: Load): Promise<Measured> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  try {
    // Workers that have replied once have loaded what they need, and opened their connections to the database.
    await inParallel(Math.max(warmUp ?? 0, connections), connections, signal, () =>
      ask(what, { agent, signal }).catch(() => undefined),
    );
    const walls: number[] = [];
    const errors: unknown[] = [];
    const before = cpuSeconds(pids());
    const began = performance.now();
    await inParallel(Math.max(requests, connections), connections, signal, async () => {
      const at = performance.now();
      await ask(what, { agent, signal }).catch((error: unknown) => errors.push(error));
      walls.push(performance.now() - at);
    });
    if (errors.length > maxRefused * walls.length) throw errors[0];
    const seconds = (performance.now() - began) / 1000;
    const cpu = ((cpuSeconds(pids()) - before) * 1000) / walls.length;
    const figures = { cpu, p50: percentile(walls, 0.5), p99: percentile(walls, 0.99) };
    return { connections, requests: walls.length, refused: errors.length, perSecond: walls.length / seconds, ...figures };
  } finally {
    agent.destroy();
  }
}

type Reply = { body: string; headers: NodeJS.Dict<string | string[]> };
type Sending = { readonly agent?: Agent; readonly signal?: AbortSignal };

/** Throws if the reply does not report success. */
export async function ask(what: Request, { agent, signal }: Sending = {}): Promise<Reply> {
  const { promise, resolve, reject } = Promise.withResolvers<Reply>();
  const { method, url, headers, body } = what;
  const sent = send(url, { method, headers, timeout: maxWaitMs, ...(agent && { agent }), ...(signal && { signal }) });
  sent.on('timeout', () => sent.destroy(new Error(`${method} ${url}: no reply in time`)));
  sent.on('error', reject);
  sent.on('response', (response) => {
    const parts: Buffer[] = [];
    response.on('data', (part: Buffer) => parts.push(part));
    response.on('error', reject);
    response.on('end', () => {
      const text = Buffer.concat(parts).toString();
      const { statusCode = 0 } = response;
      if (statusCode < 300) resolve({ body: text, headers: response.headers });
      else reject(new Error(`${method} ${url}: ${statusCode} ${text.slice(0, 300)}`));
    });
  });
  sent.end(body);
  return promise;
}

async function inParallel(count: number, width: number, signal: AbortSignal, work: () => Promise<unknown>): Promise<void> {
  let left = count;
  const take = async () => {
    while (left > 0) {
      left -= 1;
      signal.throwIfAborted();
      await work();
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, count) }, take));
}

function cpuSeconds(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + secondsOf(pid), 0);
}

function secondsOf(pid: number): number {
  try {
    return readThreadSeconds(pid);
  } catch {
    return 0;
  }
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.min(Math.floor(sorted.length * share), sorted.length - 1)] ?? Number.NaN;
}
