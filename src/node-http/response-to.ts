import type { ClientRequest, IncomingMessage } from 'node:http';

/**
 * The head of the response; call it before `end`. A peer that switches protocols unasked (101) is neither a response nor an
 * error to Node.js, which only closes the connection: then no timeout would end the request either.
 */
export function responseTo(outgoing: ClientRequest): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  outgoing.on('error', reject).on('response', resolve);
  outgoing.on('close', () => reject(new Error('the connection was closed without a response')));
  return promise;
}
