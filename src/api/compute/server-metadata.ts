/** `/servers/{id}/metadata`: arbitrary key-value pairs. */
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import type { ApiContext, ApiScope } from '../context.ts';
import { findServer, findUnlockedServer } from './lookup.ts';
import { limitedMetadata, Metadata } from './server-create.ts';

const IdParams = Type.Object({ id: Type.String() });
const KeyParams = Type.Object({ id: Type.String(), key: Type.String() });
const MetadataBody = Type.Object({ metadata: Metadata });

export function registerServerMetadata(app: ApiScope, context: ApiContext): void {
  app.get('/servers/:id/metadata', { schema: { params: IdParams } }, async (request) => ({
    metadata: (await findServer(context, request, request.params.id)).metadata,
  }));
  app.post('/servers/:id/metadata', { schema: { params: IdParams, body: MetadataBody } }, async (request) => ({
    metadata: await change(context, request, (old) => ({ ...old, ...request.body.metadata })),
  }));
  app.put('/servers/:id/metadata', { schema: { params: IdParams, body: MetadataBody } }, async (request) => ({
    metadata: await change(context, request, () => request.body.metadata),
  }));
  registerMetadataItem(app, context);
}

function registerMetadataItem(app: ApiScope, context: ApiContext): void {
  app.get('/servers/:id/metadata/:key', { schema: { params: KeyParams } }, async (request) => {
    const { id, key } = request.params;
    const { metadata } = await findServer(context, request, id);
    if (!Object.hasOwn(metadata, key)) throw itemNotFound(key);
    return { meta: { [key]: metadata[key] } };
  });
  const body = Type.Object({ meta: Metadata });
  app.put('/servers/:id/metadata/:key', { schema: { params: KeyParams, body } }, async (request) => {
    const { key } = request.params;
    const { meta } = request.body;
    if (Object.keys(meta).join() !== key)
      throw new Fault('badRequest', { detail: 'meta must have exactly the key of the path.' });
    await change(context, request, (old) => ({ ...old, ...meta }));
    return { meta };
  });
  app.delete('/servers/:id/metadata/:key', { schema: { params: KeyParams } }, async (request, reply) => {
    const { key } = request.params;
    await change(context, request, (old) => {
      if (!Object.hasOwn(old, key)) throw itemNotFound(key);
      const { [key]: _, ...others } = old;
      return others;
    });
    reply.code(204).send();
  });
}

type Pairs = Record<string, string>;

async function change(context: ApiContext, request: FastifyRequest, edit: (old: Pairs) => Pairs): Promise<Pairs> {
  const server = await findUnlockedServer(context, request, (request.params as { id: string }).id);
  const metadata = limitedMetadata(edit(server.metadata));
  return (await context.engine.updateServer(server.id, { metadata })).metadata;
}

function itemNotFound(key: string): Fault {
  return new Fault('notFound', { what: 'Metadata item', id: key });
}
