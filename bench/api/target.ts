/** A bare metal API that is measured: Ingot, or an Ironic without authentication. */
import { Agent, request } from 'node:http';
import { readPss, readThreadSeconds } from '../process-meter.ts';

export type Reply = { status: number; body: string };
export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** Both sides know it. */
const version = '1.78';
const replyTimeoutMs = 600_000;

export type TargetOptions = {
  name: string;
  /** Of the bare metal API, without `/v1`. */
  url: string;
  token?: string;
  /** Processes that do the work; none = processor time and memory are not known. */
  pids: readonly number[];
};

export class Target {
  readonly name: string;
  readonly #options: TargetOptions;
  readonly #agent = new Agent({ keepAlive: true });

  constructor(options: TargetOptions) {
    this.name = options.name;
    this.#options = options;
  }

  /** Throws if the reply does not report success. */
  async ask(method: Method, path: string, body?: unknown): Promise<Reply> {
    const { promise, resolve, reject } = Promise.withResolvers<Reply>();
    const sent = request(`${this.#options.url}/v1${path}`, {
      method,
      agent: this.#agent,
      headers: this.#headers(),
      timeout: replyTimeoutMs,
    });
    sent.on('timeout', () => sent.destroy(new Error(`${method} ${path}: no reply within ${replyTimeoutMs / 1000} s`)));
    sent.on('error', reject);
    sent.on('response', (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part) => parts.push(part));
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(parts).toString() }));
    });
    sent.end(body === undefined ? undefined : JSON.stringify(body));
    const reply = await promise;
    if (reply.status >= 300) throw new Error(`${this.name}: ${method} ${path}: ${reply.status} ${reply.body.slice(0, 300)}`);
    return reply;
  }

  /** Seconds of processor time until now; undefined if its processes are not known. */
  cpuSeconds(): number | undefined {
    return this.#sum(readThreadSeconds);
  }

  /** Bytes of memory. */
  pss(): number | undefined {
    return this.#sum(readPss);
  }

  close(): void {
    this.#agent.destroy();
  }

  #sum(read: (pid: number) => number): number | undefined {
    const { pids } = this.#options;
    return pids.length === 0 ? undefined : pids.reduce((sum, pid) => sum + read(pid), 0);
  }

  #headers(): Record<string, string> {
    const { token } = this.#options;
    return {
      'content-type': 'application/json',
      'x-openstack-ironic-api-version': version,
      ...(token !== undefined && { 'x-auth-token': token }),
    };
  }
}
