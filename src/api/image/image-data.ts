/** Upload and download of image data, streamed and never held in memory. */
import type { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { refuseDeactivated } from '#services/image/actions.ts';
import { takeUpImages, type Upload, uploadData } from '#services/image/data.ts';
import { findImage } from '#services/image/visibility.ts';
import type { ApiContext, ApiScope } from '../context.ts';
import { readRange } from './byte-range.ts';
import { authorize, route, targetIn } from './policy.ts';

/** Applies to routes registered after it. */
export function acceptImageData(app: ApiScope, context: ApiContext): void {
  app.addContentTypeParser('application/octet-stream', (_request, payload, done) => done(null, payload));
  app.addHook('onReady', async () => {
    await takeUpImages(context);
    await context.imports.resume();
  });
  app.addHook('onClose', () => context.imports.close());
}

export const imageDataRoutes = [
  route({
    method: 'PUT',
    path: '/images/:id/file',
    policy: 'upload_image',
    summary: 'Upload the data of an image',
    status: 204,
    async handler(request, context, reply) {
      const image = await findImage(context, request.caller, request.params.id);
      authorize(request, 'upload_image', targetIn(image));
      await receiveData(request, reply, (upload) => uploadData(context, request.caller, { image, upload }));
    },
  }),
  route({
    method: 'GET',
    path: '/images/:id/file',
    policy: 'download_image',
    summary: 'Download the data of an image',
    reply: Type.Unsafe<FastifyReply>({ type: 'string', format: 'binary' }),
    async handler(request, context, reply) {
      const image = await findImage(context, request.caller, request.params.id);
      refuseDeactivated(image, request.caller);
      authorize(request, 'download_image', targetIn(image));
      const { status, size } = image;
      if (size === null || (status !== 'active' && status !== 'deactivated')) return reply.code(204).send();
      const part = readRange(request.headers, size);
      const { stream } = await context.images.read(image.id, part);
      if (part) reply.code(206).header('content-range', `bytes ${part.start}-${part.end}/${size}`);
      reply.type('application/octet-stream').header('content-length', part ? part.end - part.start + 1 : size);
      if (image.checksum) reply.header('content-md5', image.checksum);
      return reply.send(stream);
    },
  }),
];

/** Passes on the data of a request. */
export async function receiveData(
  request: FastifyRequest,
  reply: FastifyReply,
  use: (upload: Upload) => Promise<void>,
): Promise<void> {
  try {
    const isAborted = () => request.raw.destroyed && !request.raw.complete;
    await use({ data: dataOf(request), size: sizeOf(request), isAborted });
  } catch (error) {
    if (!request.raw.complete) closeAfterReply(request, reply);
    throw error;
  }
}

function dataOf({ body }: FastifyRequest): Readable {
  const data = body as Readable | undefined;
  if (typeof data?.pipe === 'function') return data;
  throw new Fault('unsupportedMediaType', { detail: 'Image data must come as application/octet-stream.' });
}

/** As the client announced it. */
function sizeOf({ headers }: FastifyRequest): number | undefined {
  const length = headers['content-length'];
  return length === undefined ? undefined : Number(length);
}

/** How long a client may keep sending after a rejection: closed at once, its system would discard our reply unread. */
const lingerMs = 5_000;

/** Discards the rest of a rejected upload: it is not the next request. */
function closeAfterReply({ raw }: FastifyRequest, reply: FastifyReply): void {
  reply.header('connection', 'close');
  const { socket } = raw;
  socket.destroySoon = () => {
    socket.end();
    raw.resume();
    const timer = setTimeout(() => socket.destroy(), lingerMs).unref();
    socket.once('close', () => clearTimeout(timer));
  };
}
