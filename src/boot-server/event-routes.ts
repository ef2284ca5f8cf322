/** Routes to which BMCs post Redfish events. The token in the path is their only credential. */
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
      // Checked before the body is read: unknown clients cost neither memory nor decompression time.
      takerOf(request);
      // The content matters little, and BMCs send any content type. A rejection would make them delete the
      // subscription.
      delete request.raw.headers['content-type'];
    });
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (request, body, done) =>
      done(null, bodies.read(tokenOf(request), body as Buffer, request.headers['content-encoding'])),
    );
    scope.post('/redfish-events/:token', { bodyLimit: eventBodyMax }, (request, reply) => {
      takerOf(request)(request.body ?? {});
      // Not 204: iLO 5 and 6 treat any status but 200 as a failed delivery, retry, and give up after a few attempts
      // (DMTF/Redfish-Event-Listener issue 30).
      return reply.code(200).send();
    });
  });
}
