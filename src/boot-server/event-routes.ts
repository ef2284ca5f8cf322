/** Where BMCs post their events (Redfish). The token in the path is all they have to prove who they are. */
import type { FastifyInstance } from 'fastify';
import { Fault } from '#domain/faults.ts';
import type { HttpParts } from './http-requests.ts';

/** An event is a few hundred bytes, and nothing but a reason to look. */
const bodyMax = 64 * 1024;

export function eventRoutes(app: FastifyInstance, { takeEvent }: Pick<HttpParts, 'takeEvent'>): void {
  app.register(async (scope) => {
    // What it says matters little, and BMCs name its type as they please.
    scope.addContentTypeParser('*', { parseAs: 'string' }, (_request, _body, done) => done(null, {}));
    scope.post<{ Params: { token: string } }>('/redfish-events/:token', { bodyLimit: bodyMax }, (request, reply) => {
      if (!takeEvent?.(request.params.token, request.body))
        throw new Fault('notFound', { what: 'Resource', id: 'of this event' });
      return reply.code(204).send();
    });
  });
}
