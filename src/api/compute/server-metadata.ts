/** `/servers/{id}/metadata`: arbitrary key-value pairs. */
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { changeMetadata } from '#services/compute/servers.ts';
import type { ApiContext } from '../context.ts';
import { route } from './policy.ts';
import { type ServerRequest, serverOf, unlockedServerOf } from './server-of.ts';
import { Metadata } from './server-requests.ts';

const Pairs = Type.Record(Type.String(), Type.String());
const MetadataBody = Type.Object({ metadata: Metadata }, { additionalProperties: false });
const MetadataReply = Type.Object({ metadata: Pairs });
const ItemReply = Type.Object({ meta: Pairs });

export const serverMetadataRoutes = [
  route({
    method: 'GET',
    path: '/servers/:id/metadata',
    policy: 'os_compute_api:server-metadata:index',
    summary: 'List the metadata of a server',
    reply: MetadataReply,
    handler: async (request, context) => ({
      metadata: (await serverOf(request, context)).metadata,
    }),
  }),
  route({
    method: 'POST',
    path: '/servers/:id/metadata',
    policy: 'os_compute_api:server-metadata:create',
    summary: 'Add metadata to a server',
    body: MetadataBody,
    reply: MetadataReply,
    handler: async (request, context) => ({
      metadata: await change(context, request, (old) => ({ ...old, ...request.body.metadata })),
    }),
  }),
  route({
    method: 'PUT',
    path: '/servers/:id/metadata',
    policy: 'os_compute_api:server-metadata:update_all',
    summary: 'Replace the metadata of a server',
    body: MetadataBody,
    reply: MetadataReply,
    handler: async (request, context) => ({ metadata: await change(context, request, () => request.body.metadata) }),
  }),
  route({
    method: 'GET',
    path: '/servers/:id/metadata/:key',
    policy: 'os_compute_api:server-metadata:show',
    summary: 'Show one item of metadata',
    reply: ItemReply,
    async handler(request, context) {
      const { key } = request.params;
      const { metadata } = await serverOf(request, context);
      const value = Object.hasOwn(metadata, key) ? metadata[key] : undefined;
      if (value === undefined) throw itemNotFound(key);
      return { meta: { [key]: value } };
    },
  }),
  route({
    method: 'PUT',
    path: '/servers/:id/metadata/:key',
    policy: 'os_compute_api:server-metadata:update',
    summary: 'Change one item of metadata',
    body: Type.Object({ meta: Metadata }, { additionalProperties: false }),
    reply: ItemReply,
    async handler(request, context) {
      const { meta } = request.body;
      if (Object.keys(meta).join() !== request.params.key)
        throw new Fault('badRequest', { detail: 'meta must have exactly the key of the path.' });
      await change(context, request, (old) => ({ ...old, ...meta }));
      return { meta };
    },
  }),
  route({
    method: 'DELETE',
    path: '/servers/:id/metadata/:key',
    policy: 'os_compute_api:server-metadata:delete',
    summary: 'Delete one item of metadata',
    status: 204,
    async handler(request, context) {
      const { key } = request.params;
      await change(context, request, (old) => {
        if (!Object.hasOwn(old, key)) throw itemNotFound(key);
        const { [key]: _, ...others } = old;
        return others;
      });
    },
  }),
];

type Pairs = Record<string, string>;

async function change(context: ApiContext, request: ServerRequest, edit: (old: Pairs) => Pairs): Promise<Pairs> {
  return changeMetadata(context, await unlockedServerOf(request, context), edit);
}

function itemNotFound(key: string): Fault {
  return new Fault('notFound', { what: 'Metadata item', id: key });
}
