/**
 * A proxy before a BMC's Redfish front end that passes each changing request to an observer: before the BMC receives
 * it, and before its response is returned. Dropping it there simulates a client that dies at that moment.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse, request as send } from 'node:http';

/** `request`: `PATCH /redfish/v1/Systems/1/SecureBoot`. */
export type GateMoment = { readonly when: 'before' | 'after'; readonly request: string };
export type GateVerdict = 'pass' | 'drop';

export type GateOptions = {
  readonly port: number;
  /** `http://127.0.0.1:8000` */
  readonly target: string;
  readonly watch: (moment: GateMoment) => Promise<GateVerdict>;
};

export async function openAnswerGate({ port, target, watch }: GateOptions): Promise<{ close(): Promise<void> }> {
  const server = createServer((request, reply) => {
    request.on('error', () => {});
    reply.on('error', () => {});
    pass(request, reply).catch(() => reply.destroy());
  });
  async function pass(request: IncomingMessage, reply: ServerResponse): Promise<void> {
    const { method = 'GET', url = '/', headers } = request;
    const isWatched = method !== 'GET' && !url.includes('/Sessions');
    const allows = async (when: GateMoment['when']) =>
      !isWatched || (await watch({ when, request: `${method} ${url}` })) === 'pass';
    const chunks = await Array.fromAsync<Buffer>(request);
    if (!(await allows('before'))) return void reply.destroy();
    const onward = send(target + url, { method, headers }).end(Buffer.concat(chunks));
    const [answer] = (await once(onward, 'response')) as [IncomingMessage];
    if (!(await allows('after'))) {
      answer.resume();
      return void reply.destroy();
    }
    reply.writeHead(answer.statusCode ?? 500, answer.headers);
    answer.pipe(reply);
  }
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
