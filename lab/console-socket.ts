/** A machine's serial line as a Unix socket: every client receives its output and can type. */
import { once } from 'node:events';
import { chmodSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';

export type ConsoleSocket = { close(): void };

export async function serveConsole(path: string, open: () => Duplex): Promise<ConsoleSocket> {
  const clients = new Set<Socket>();
  rmSync(path, { force: true });
  const server = createServer((client) => {
    clients.add(client);
    const line = open();
    // No pipeline(): when one side ends, the other has nothing more to send.
    client
      .on('error', () => {})
      .on('close', () => {
        clients.delete(client);
        line.destroy();
      });
    client.pipe(line);
    line.pipe(client);
  });
  server.listen(path);
  await once(server, 'listening');
  chmodSync(path, 0o600);
  return {
    close() {
      server.close();
      for (const client of clients) client.destroy();
    },
  };
}
