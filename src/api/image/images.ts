/** `/images`: create, list, show, change and delete images. The data is in image-data.ts. */
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { NewImage } from '#services/image/attributes.ts';
import { deleteImage } from '#services/image/delete.ts';
import { createImage } from '#services/image/images.ts';
import { storeId } from '#services/image/imports/import-request.ts';
import { propertyBytes } from '#services/image/limits.ts';
import { ImagePatch, patchImage, visibilitiesIn } from '#services/image/patch.ts';
import { findImage, visibleImages } from '#services/image/visibility.ts';
import { listKeys, readRows } from '#store/list.ts';
import { listTables } from '#store/list-tables.ts';
import type { Image } from '#store/tables/images.ts';
import type { ApiContext } from '../context.ts';
import { ImageReply, showImage } from './image-view.ts';
import { ImageQuery, largestLimit, readImageQuery } from './list-query.ts';
import { allows, authorize, route, targetIn, visibilityRules } from './policy.ts';

/** Maximum body of a request with properties. */
const bodyLimit = 512 * 1024;

const DeleteQuery = Type.Object({
  /** An Ingot extension: an image that is only referenced may be deleted, too. */
  force: Type.Optional(Type.Boolean()),
});

export const imageRoutes = [
  route({
    method: 'GET',
    path: '/images',
    policy: 'get_images',
    summary: 'List images',
    query: ImageQuery,
    reply: Type.Object({
      images: Type.Array(ImageReply),
      schema: Type.String(),
      first: Type.String(),
      next: Type.Optional(Type.String()),
    }),
    async handler(request, context) {
      const { images, next } = await readImagePage(request, context, request.query);
      const show = showImage(request, context);
      return {
        images: images.map(show),
        schema: '/v2/schemas/images',
        first: pathOf(request, undefined),
        ...(next && { next: pathOf(request, next) }),
      };
    },
  }),
  route({
    method: 'GET',
    path: '/images/:id',
    policy: 'get_image',
    summary: 'Show an image',
    reply: ImageReply,
    handler: async (request, context) => showImage(request, context)(await findImage(context, request.caller, request.params.id)),
  }),
  route({
    method: 'POST',
    path: '/images',
    policy: 'add_image',
    summary: 'Create an image',
    status: 201,
    bodyLimit,
    body: NewImage,
    reply: ImageReply,
    async handler(request, context, reply) {
      const { owner = request.caller.project_id, visibility } = request.body;
      const target = targetIn({ owner, visibility });
      if (!allows(request, 'add_image', target))
        throw new Fault('forbidden', { detail: `You are not permitted to create images owned by '${owner}'.` });
      authorizeVisibility(request, visibility, target);
      const image = await createImage(context, request.caller, request.body);
      const { methods } = context.imports;
      if (methods.length > 0) reply.header('openstack-image-import-methods', methods.join(','));
      reply.header('openstack-image-store-ids', storeId);
      reply.header('location', `${context.baseUrl(request)}/image/v2/images/${image.id}`);
      return showImage(request, context)(image);
    },
  }),
  route({
    method: 'PATCH',
    path: '/images/:id',
    policy: 'modify_image',
    summary: 'Change an image by a JSON patch',
    bodyLimit,
    body: ImagePatch,
    reply: ImageReply,
    async handler(request, context) {
      const image = await findImage(context, request.caller, request.params.id);
      const target = targetIn(image);
      authorize(request, 'modify_image', target);
      const operations = request.body;
      for (const visibility of visibilitiesIn(operations)) authorizeVisibility(request, visibility, target);
      return showImage(request, context)(await patchImage(context, request.caller, { image, operations }));
    },
  }),
  route({
    method: 'DELETE',
    path: '/images/:id',
    policy: 'delete_image',
    summary: 'Delete an image',
    status: 204,
    query: DeleteQuery,
    async handler(request, context) {
      const image = await findImage(context, request.caller, request.params.id);
      const force = request.query.force === true;
      authorize(request, 'delete_image', targetIn(image));
      if (force) authorize(request, 'delete_image:force', targetIn(image));
      await deleteImage(context, request.caller, { image, force });
    },
  }),
];

function authorizeVisibility(request: FastifyRequest, visibility: string | undefined, target: ReturnType<typeof targetIn>): void {
  if (visibility === 'public' || visibility === 'community') authorize(request, visibilityRules[visibility], target);
}

/** Maximum size of a page: images can have large properties, and clients follow `next`. */
const pageBytes = 2 * 1024 * 1024;

type ImagePage = { images: Image[]; next: string | undefined };

async function readImagePage(
  { caller }: FastifyRequest,
  { store, protections }: ApiContext,
  query: Parameters<typeof readImageQuery>[0],
): Promise<ImagePage> {
  const wanted = readImageQuery(query, caller, protections);
  // `limit=0` is an empty page.
  if (wanted.limit === 0) return { images: [], next: undefined };
  const source = { collection: store.images, table: listTables.images, visible: visibleImages(caller), maximum: largestLimit };
  const page = await listKeys(source, wanted);
  const images: Image[] = [];
  let bytes = 0;
  for await (const batch of readRows(store.images, listTables.images, page.items)) {
    for (const image of batch) {
      bytes += propertyBytes(image);
      if (images.length > 0 && bytes > pageBytes) return { images, next: images.at(-1)?.id };
      images.push(image);
    }
  }
  return { images, next: page.next };
}

/** Links of this API start with its version. */
function pathOf(request: FastifyRequest, marker: string | undefined): string {
  const url = new URL(request.url, 'http://localhost');
  url.searchParams.delete('marker');
  if (marker) url.searchParams.set('marker', marker);
  return `/v2/images${url.search}`;
}
