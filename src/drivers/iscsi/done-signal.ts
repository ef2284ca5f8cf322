/** Signals the ramdisk that its disk is finished: the classic `done` on its port, after which it reboots. */
import { once } from 'node:events';
import { connect } from 'node:net';

const answerMs = 10_000;

/** Rejects if the port is closed (by now). Repeating it is harmless. */
export async function sendDone(address: string, port: number, signal: AbortSignal): Promise<void> {
  const bounded = AbortSignal.any([signal, AbortSignal.timeout(answerMs)]);
  const socket = connect({ host: address, port });
  const hangUp = () => socket.destroy(bounded.reason);
  bounded.addEventListener('abort', hangUp);
  try {
    await once(socket, 'connect', { signal: bounded });
    const closed = once(socket, 'close', { signal: bounded });
    // The peer may send data; unread, it would keep the connection open.
    socket.resume().end('done');
    await closed;
  } finally {
    bounded.removeEventListener('abort', hangUp);
    socket.destroy();
  }
}
