import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { imageToken } from '../agent-protocol/image-token.ts';
import type { Command, Hello, Progress, Result } from '../agent-protocol/messages.ts';
import { routes } from '../agent-protocol/routes.ts';

/** For tests: the provisioning listener as the agent sees it, with files to fetch and commands to send. */
export class StandInServer {
  readonly heard: { hello: Hello[]; progress: Progress[]; result: Result[]; log: string[]; ranges: string[] } = {
    hello: [],
    progress: [],
    result: [],
    log: [],
    ranges: [],
  };
  readonly files = new Map<string, Buffer>();
  readonly commands: Command[] = [];
  /** Connections to cut after that many bytes of a file, one number per download. */
  readonly cuts: number[] = [];
  takesRanges = true;
  #server = createServer((request, response) => this.#answer(request, response));
  #waiting: ((result: Result) => void)[] = [];
  #greeted: ((hello: Hello) => void) | undefined;
  /** The bootstrap token of the kernel line, and the session token it is exchanged for. */
  token = 'operation.a-token';
  session = 'operation.a-session';

  async listen(port = 0): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(port, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Resolves with the next result that arrives. */
  nextResult(): Promise<Result> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** The first hello; throws the reason of the signal. */
  nextHello(signal: AbortSignal): Promise<Hello> {
    const [known] = this.heard.hello;
    if (known) return Promise.resolve(known);
    return new Promise((resolve, reject) => {
      this.#greeted = resolve;
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!this.#expected(request.url ?? '').includes(request.headers.authorization ?? ''))
      return void response.writeHead(401).end();
    if (request.method === 'GET') return this.#sendFile(request, response);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = JSON.parse(Buffer.concat(chunks).toString() || '{}');
    if (request.url === routes.next) return this.#sendCommand(response);
    if (request.url === routes.log) this.heard.log.push(...body.lines);
    if (request.url === routes.hello) {
      this.heard.hello.push(body);
      this.#greeted?.(body);
    }
    if (request.url === routes.progress) this.heard.progress.push(body);
    if (request.url === routes.result) {
      this.heard.result.push(body);
      this.#waiting.shift()?.(body);
    }
    const reply = request.url === routes.hello ? { node_uuid: 'node', session: this.session } : {};
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(reply));
  }

  /** An image has its own token; tests that fetch without a preceding hello have only the bootstrap token. */
  #expected(url: string): string[] {
    const tokens = url === routes.hello ? [this.token] : [this.session];
    if (url.startsWith(routes.images) || this.files.has(url))
      tokens.push(this.token, imageToken(this.session, url), imageToken(this.token, url));
    return tokens.map((token) => `Bearer ${token}`);
  }

  #sendCommand(response: ServerResponse): void {
    const command = this.commands.shift();
    if (command) response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(command));
    else setTimeout(() => response.writeHead(204).end(), 50);
  }

  #sendFile(request: IncomingMessage, response: ServerResponse): void {
    const file = this.files.get(request.url ?? '');
    if (!file) return void response.writeHead(404).end();
    const range = /^bytes=(\d+)-$/.exec(request.headers.range ?? '');
    if (request.headers.range) this.heard.ranges.push(request.headers.range);
    const from = range && this.takesRanges ? Number(range[1]) : 0;
    const rest = file.subarray(from);
    response.writeHead(from > 0 ? 206 : 200, { 'content-length': rest.length });
    const cut = this.cuts.shift();
    if (cut === undefined) response.end(rest);
    else response.write(rest.subarray(0, cut), () => setTimeout(() => response.destroy(), 20));
  }
}
