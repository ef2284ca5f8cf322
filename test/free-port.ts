/** Ports for programs that need a port number. */
import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';

/** The system assigns ports from 32768 on (ip(7)): below, no process takes one before its program does. */
const [first, end] = [15_000, 32_000];
const tries = 50;

export async function freePort(kind: 'tcp' | 'udp' = 'tcp'): Promise<number> {
  const isFree = kind === 'tcp' ? isFreeTcp : isFreeUdp;
  for (let left = tries; left > 0; left--) {
    const port = randomInt(first, end);
    if (await isFree(port)) return port;
  }
  throw new Error(`no ${kind} port was free in ${tries} tries`);
}

async function isFreeTcp(port: number): Promise<boolean> {
  const server = createServer();
  try {
    await once(server.listen(port, '0.0.0.0'), 'listening');
  } catch {
    return false;
  }
  await once(server.close(), 'close');
  return true;
}

async function isFreeUdp(port: number): Promise<boolean> {
  const socket = createSocket('udp4');
  try {
    socket.bind(port, '0.0.0.0');
    await once(socket, 'listening');
  } catch {
    socket.close();
    return false;
  }
  const closed = once(socket, 'close');
  socket.close();
  await closed;
  return true;
}
