/** Where BMCs post their events (Redfish). The token in the path is all they have to prove who they are. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Fault } from '#domain/faults.ts';
import { EventBodies, eventBodyMax } from './event-bodies.ts';
import type { HttpParts } from './http-requests.ts';

export function eventRoutes(app: FastifyInstance, { eventTaker }: Pick<HttpParts, 'eventTaker'>): void {
  const bodies = new EventBodies();
  const tokenOf = ({ params }: FastifyRequest) => (params as { token: string }).token;
  app.register(async (scope) => {
    const takerOf = (request: FastifyRequest) => {
      const taker = eventTaker?.(tokenOf(request));
      if (!taker) throw new Fault('notFound', { what: 'Resource', id: 'of this event' });
      return taker;
    };
    scope.addHook('onRequest', async (request) => {
      // Before the body is read: strangers cost neither the memory for it nor the time to unpack it.
      takerOf(request);
      // What it says matters little, and BMCs name its type as they please. A refusal would make them end the subscription.
      delete request.raw.headers['content-type'];
    });
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (request, body, done) =>
      done(null, bodies.read(tokenOf(request), body as Buffer, request.headers['content-encoding'])),
    );
    scope.post('/redfish-events/:token', { bodyLimit: eventBodyMax }, (request, reply) => {
      takerOf(request)(request.body ?? {});
      // Not 204: iLO 5 and 6 count anything but 200 as a failed delivery, repeat it, and give up after a few
      // (DMTF/Redfish-Event-Listener issue 30).
      return reply.code(200).send();
    });
  });
}
