/** Tells the ramdisk that its disk is finished: the classic `done` on its port, upon which it reboots. */
import { once } from 'node:events';
import { connect } from 'node:net';

const answerMs = 10_000;

/** Rejects where nobody listens (any more). Saying it twice does no harm. */
export async function sendDone(address: string, port: number, signal: AbortSignal): Promise<void> {
  const bounded = AbortSignal.any([signal, AbortSignal.timeout(answerMs)]);
  const socket = connect({ host: address, port });
  const hangUp = () => socket.destroy(bounded.reason);
  bounded.addEventListener('abort', hangUp);
  try {
    await once(socket, 'connect', { signal: bounded });
    const closed = once(socket, 'close', { signal: bounded });
    // The other side may say something; unread, it would keep the connection open.
    socket.resume().end('done');
    await closed;
  } finally {
    bounded.removeEventListener('abort', hangUp);
    socket.destroy();
  }
}
