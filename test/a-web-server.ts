/** A web server on loopback, whose replies a test writes, and which counts what it was asked. */
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServer } from '#node-http/http.ts';

type Answer = (request: IncomingMessage, reply: ServerResponse) => void;

export type WebServer = {
  readonly url: string;
  /** By path, since the start. */
  readonly counts: ReadonlyMap<string, number>;
  answer(path: string, answer: Answer): void;
  /** Resolves when the path is asked for the next time. */
  asked(path: string): Promise<void>;
  close(): Promise<void>;
};

export async function aWebServer(answers: Readonly<Record<string, Answer>> = {}): Promise<WebServer> {
  const table = new Map(Object.entries(answers));
  const counts = new Map<string, number>();
  const awaited = new Map<string, () => void>();
  const server = createServer((request, reply) => {
    const path = request.url?.split('?')[0] ?? '';
    counts.set(path, (counts.get(path) ?? 0) + 1);
    awaited.get(path)?.();
    const answer = table.get(path);
    if (answer) answer(request, reply);
    else reply.writeHead(404).end();
  });
  // All of 127.0.0.0/8 leads here.
  server.listen(0, '0.0.0.0');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    counts,
    answer: (path, answer) => void table.set(path, answer),
    asked(path) {
      const { promise, resolve } = Promise.withResolvers<void>();
      awaited.set(path, resolve);
      return promise;
    },
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}
