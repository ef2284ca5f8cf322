/** Idle connections of a third party: raw sockets on loopback, from any of its addresses. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { TestContext } from 'node:test';

export type Held = {
  readonly socket: Socket;
  /** Resolves with all received data when the other side has ended or cut the connection. */
  readonly closed: Promise<string>;
};

/** @param address one of 127.0.0.0/8, which the listener treats as a separate machine */
export async function hold(t: TestContext, port: number, { address = '127.0.0.1', text = '' } = {}): Promise<Held> {
  const socket = connect({ host: '127.0.0.1', port, localAddress: address, allowHalfOpen: true });
  t.after(() => socket.destroy());
  let heard = '';
  const closed = new Promise<string>((resolve) => {
    const end = () => resolve(heard);
    socket.on('data', (chunk) => {
      heard += chunk.toString('latin1');
    });
    socket.on('error', end).once('end', end).once('close', end);
  });
  await Promise.race([once(socket, 'connect'), closed]);
  if (text) socket.write(text);
  return { socket, closed };
}
