/** Upload and download of image data, streamed and never held in memory. */
import type { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import type { Image } from '#store/tables/images.ts';
import type { ApiContext, ApiScope } from '../context.ts';
import { ById, getImage, getOwnImage, type ImageContext } from './image-access.ts';
import { eraseImage } from './image-delete.ts';

export function registerImageData(app: ApiScope, context: ApiContext): void {
  app.addContentTypeParser('application/octet-stream', (_request, payload, done) => done(null, payload));
  app.addHook('onReady', () => takeUpImages(context));
  app.put('/images/:id/file', { schema: { params: ById } }, async (request, reply) => {
    const image = await getOwnImage(context, request, request.params.id);
    try {
      await uploadData(context, image, request);
    } catch (error) {
      if (!request.raw.complete) closeAfterReply(request, reply);
      throw error;
    }
    return reply.code(204).send();
  });
  app.get('/images/:id/file', { schema: { params: ById } }, async (request, reply) => {
    const image = await getImage(context, request, request.params.id);
    if (image.status !== 'active') return reply.code(204).send();
    const { stream, size } = await context.images.read(image.id);
    reply.type('application/octet-stream').header('content-length', size);
    if (image.checksum) reply.header('content-md5', image.checksum);
    return reply.send(stream);
  });
  app.put('/images/:id/stage', async () => {
    throw new Fault('unsupported', { what: 'Staging image data' });
  });
  app.post('/images/:id/import', async () => {
    throw new Fault('unsupported', { what: 'Importing image data' });
  });
  app.get('/info/import', async () => ({
    'import-methods': { description: 'Import methods available.', type: 'array', value: [] },
  }));
  app.get('/tasks', { schema: { querystring: Type.Unknown() } }, async () => ({
    tasks: [],
    schema: '/v2/schemas/tasks',
    first: '/v2/tasks',
  }));
}

/** After a crash: resets interrupted uploads to queued, and completes interrupted deletions. */
export async function takeUpImages(context: ImageContext): Promise<void> {
  await context.store.images.update({ status: 'saving' }, { status: 'queued' });
  for (const { id } of await context.store.images.list({ status: 'deleted' })) await eraseImage(context, id);
}

async function uploadData(context: ApiContext, image: Image, request: FastifyRequest): Promise<void> {
  const data = request.body as Readable | undefined;
  if (typeof data?.pipe !== 'function')
    throw new Fault('unsupportedMediaType', { detail: 'Image data must come as application/octet-stream.' });
  const unset = (['disk_format', 'container_format'] as const).filter((name) => image[name] === null);
  if (unset.length > 0)
    throw new Fault('badRequest', { detail: `Properties ${unset.join(', ')} must be set prior to saving data.` });
  // The row is the lock: of two concurrent uploads, only one finds it queued.
  const claimed = await context.store.images.update(
    { id: image.id, status: 'queued' },
    { status: 'saving', uploaded_by_admin: request.caller.is_admin },
  );
  if (claimed === 0) throw new Fault('conflict', { detail: `Image ${image.id} is not queued: it has or gets data already.` });
  try {
    const facts = await context.images.upload(image.id, data, { disk_format: image.disk_format, ...announcedSize(request) });
    const now = new Date().toISOString();
    const saved = await context.store.images.update(
      { id: image.id, status: 'saving' },
      { ...facts, status: 'active', updated_at: now },
    );
    if (saved === 0) throw new Fault('notFound', { what: 'Image', id: image.id });
  } catch (error) {
    const isStill = await context.store.images.update({ id: image.id, status: 'saving' }, { status: 'queued' });
    if (isStill === 0) {
      await context.images.remove(image.id);
      throw new Fault('notFound', { what: 'Image', id: image.id });
    }
    const hungUp = request.raw.destroyed && !request.raw.complete;
    throw hungUp ? new Fault('clientGone', { what: `The upload of image ${image.id}` }) : error;
  }
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

function announcedSize(request: FastifyRequest): { size?: number } {
  const length = request.headers['content-length'];
  return length === undefined ? {} : { size: Number(length) };
}
