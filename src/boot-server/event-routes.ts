/** Where BMCs post their events (Redfish). The token in the path is all they have to prove who they are. */
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Fault } from '#domain/faults.ts';
import type { HttpParts } from './http-requests.ts';

/** An event is a few hundred bytes; some BMCs send many at once, and reports of all their sensors. Also of what is unpacked. */
const bodyMax = 1024 * 1024;

export function eventRoutes(app: FastifyInstance, { eventTaker }: Pick<HttpParts, 'eventTaker'>): void {
  app.register(async (scope) => {
    const takerOf = ({ params }: FastifyRequest) => {
      const taker = eventTaker?.((params as { token: string }).token);
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
      done(null, readEvent(body as Buffer, request.headers['content-encoding'])),
    );
    scope.post('/redfish-events/:token', { bodyLimit: bodyMax }, (request, reply) => {
      takerOf(request)(request.body ?? {});
      // Not 204: iLO 5 and 6 count anything but 200 as a failed delivery, repeat it, and give up after a few
      // (DMTF/Redfish-Event-Listener issue 30).
      return reply.code(200).send();
    });
  });
}

const unpackTable: Readonly<Record<string, (body: Buffer, limit: { maxOutputLength: number }) => Buffer>> = {
  gzip: gunzipSync,
  'x-gzip': gunzipSync,
  deflate: inflateSync,
  br: brotliDecompressSync,
};

/** @returns what it says, or nothing that is known (`{}`): that a BMC has spoken is an event by itself */
function readEvent(body: Buffer, encoding: string | undefined): unknown {
  const name = encoding?.trim().toLowerCase() ?? '';
  try {
    const plain = Object.hasOwn(unpackTable, name) ? unpackTable[name]!(body, { maxOutputLength: bodyMax }) : body;
    return JSON.parse(plain.toString('utf8').replace(/^\uFEFF/, ''));
  } catch {
    return {};
  }
}
