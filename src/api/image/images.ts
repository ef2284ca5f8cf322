/** Images: create, list, show, delete; and their tags. The data is in image-data.ts, changes in image-patch.ts. */
import { randomUUID } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { type Static, type TSchema, Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { listKeys, readRows } from '#store/list.ts';
import { listTables } from '#store/list-tables.ts';
import type { Image } from '#store/tables/images.ts';
import type { ApiContext, ApiScope } from '../context.ts';
import { largestWholeNumber } from '../http/whole-numbers.ts';
import { ById, checkVisibility, getImage, getOwnImage } from './image-access.ts';
import { refuseTakenId } from './image-delete.ts';
import { containerFormats, diskFormats, imageBody, isProperty, visibilities } from './image-json.ts';
import { imageBodyBytes, propertyBytes, refuseManyImages, refuseTooLarge } from './image-limits.ts';
import { ImageQuery, largestLimit, readImageQuery, visibleImages } from './list-query.ts';

const OneTag = Type.Object({ id: Type.String(), tag: Type.String({ maxLength: 255 }) });

const orNull = <T extends TSchema>(type: T) => Type.Union([type, Type.Null()]);
export const NewImage = Type.Object(
  {
    id: Type.Optional(Type.String({ pattern: '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$' })),
    name: Type.Optional(Type.Union([Type.String({ maxLength: 255 }), Type.Null()])),
    disk_format: Type.Optional(orNull(Type.Enum(diskFormats))),
    container_format: Type.Optional(orNull(Type.Enum(containerFormats))),
    visibility: Type.Optional(Type.Enum(visibilities)),
    protected: Type.Optional(Type.Boolean()),
    min_disk: Type.Optional(Type.Integer({ minimum: 0, maximum: largestWholeNumber })),
    min_ram: Type.Optional(Type.Integer({ minimum: 0, maximum: largestWholeNumber })),
    tags: Type.Optional(Type.Array(Type.String({ maxLength: 255 }))),
    owner: Type.Optional(Type.String()),
    os_hidden: Type.Optional(Type.Literal(false)),
  },
  { additionalProperties: Type.Union([Type.String(), Type.Null()]) },
);

export function registerImages(app: ApiScope, context: ApiContext): void {
  app.get('/images', { schema: { querystring: ImageQuery } }, async (request) => listImages(context, request, request.query));
  app.get('/images/:id', { schema: { params: ById } }, async (request) =>
    imageBody(await getImage(context, request, request.params.id)),
  );
  app.post('/images', { bodyLimit: imageBodyBytes, schema: { body: NewImage } }, async (request, reply) => {
    const image = await createImage(context, request, request.body);
    reply.code(201).header('location', `${context.baseUrl(request)}/image/v2/images/${image.id}`);
    return imageBody(image);
  });
  for (const action of ['deactivate', 'reactivate']) {
    app.post(`/images/:id/actions/${action}`, async () => {
      throw new Fault('unsupported', { what: `Image action '${action}'` });
    });
  }
  registerTags(app, context);
  registerMembers(app, context);
}

function registerTags(app: ApiScope, context: ApiContext): void {
  app.put('/images/:id/tags/:tag', { schema: { params: OneTag } }, async (request, reply) => {
    const image = await getOwnImage(context, request, request.params.id);
    const tags = [...new Set([...image.tags, request.params.tag])];
    refuseTooLarge({ tags }, image);
    await saveImage(context, image, { tags });
    return reply.code(204).send();
  });
  app.delete('/images/:id/tags/:tag', { schema: { params: OneTag } }, async (request, reply) => {
    const image = await getOwnImage(context, request, request.params.id);
    if (!image.tags.includes(request.params.tag)) throw new Fault('notFound', { what: 'Tag', id: request.params.tag });
    await saveImage(context, image, { tags: image.tags.filter((tag) => tag !== request.params.tag) });
    return reply.code(204).send();
  });
}

function registerMembers(app: ApiScope, context: ApiContext): void {
  app.get('/images/:id/members', { schema: { params: ById } }, async (request) => {
    await getOwnImage(context, request, request.params.id);
    return { members: [], schema: '/v2/schemas/members' };
  });
  app.post('/images/:id/members', async () => {
    throw new Fault('unsupported', { what: 'Sharing an image with single projects' });
  });
}

/** Updates a row and its modification time. @returns the updated image */
export async function saveImage(context: ApiContext, image: Image, changes: Partial<Image>): Promise<Image> {
  const patch = { ...changes, updated_at: new Date().toISOString() };
  const changed = await context.store.images.update({ id: image.id }, patch);
  if (changed === 0) throw new Fault('notFound', { what: 'Image', id: image.id });
  return { ...image, ...patch };
}

async function listImages(context: ApiContext, request: FastifyRequest, query: ImageQuery): Promise<object> {
  const { caller } = request;
  const { store } = context;
  const source = { collection: store.images, table: listTables.images, visible: visibleImages(caller), maximum: largestLimit };
  const wanted = readImageQuery(query, caller);
  // `limit=0` is an empty page.
  const page = wanted.limit === 0 ? { items: [], next: undefined } : await listKeys(source, wanted);
  const { images, last, isWhole } = await readPage(readRows(store.images, listTables.images, page.items));
  const next = isWhole ? page.next : last;
  return {
    images,
    schema: '/v2/schemas/images',
    first: pathOf(request, undefined),
    ...(next && { next: pathOf(request, next) }),
  };
}

/** Maximum size of a page: images can have large properties, and clients follow `next`. */
const pageBytes = 2 * 1024 * 1024;

async function readPage(batches: AsyncIterable<Image[]>): Promise<{ images: object[]; last: string; isWhole: boolean }> {
  const images: object[] = [];
  let [last, bytes] = ['', 0];
  for await (const batch of batches) {
    for (const image of batch) {
      bytes += propertyBytes(image);
      if (images.length > 0 && bytes > pageBytes) return { images, last, isWhole: false };
      images.push(imageBody(image));
      last = image.id;
    }
  }
  return { images, last, isWhole: true };
}

/** Links of this API start with its version. */
function pathOf(request: FastifyRequest, marker: string | undefined): string {
  const url = new URL(request.url, 'http://localhost');
  url.searchParams.delete('marker');
  if (marker) url.searchParams.set('marker', marker);
  return `/v2/images${url.search}`;
}

async function createImage(context: ApiContext, request: FastifyRequest, fields: Static<typeof NewImage>): Promise<Image> {
  const { caller } = request;
  checkVisibility(caller, fields.visibility);
  if (fields.owner !== undefined && fields.owner !== caller.project_id && !caller.is_admin)
    throw new Fault('forbidden', { detail: `You are not permitted to create images owned by '${fields.owner}'.` });
  const id = fields.id?.toLowerCase() ?? randomUUID();
  if (fields.id !== undefined) await refuseTakenId(context, request, id);
  const tags = [...new Set(fields.tags ?? [])];
  const properties = propertiesOf(fields);
  refuseTooLarge({ tags, properties });
  const owner = fields.owner ?? caller.project_id;
  const now = new Date().toISOString();
  const image = {
    id,
    name: fields.name ?? null,
    status: 'queued',
    visibility: fields.visibility ?? 'shared',
    owner,
    disk_format: fields.disk_format ?? null,
    container_format: fields.container_format ?? null,
    min_disk: fields.min_disk ?? 0,
    min_ram: fields.min_ram ?? 0,
    size: null,
    virtual_size: null,
    checksum: null,
    os_hash_algo: null,
    os_hash_value: null,
    protected: fields.protected ?? false,
    tags,
    properties,
    created_at: now,
    updated_at: now,
  };
  return context.store.transaction(async (trx) => {
    if (!caller.is_admin) await refuseManyImages(trx, owner);
    return trx.images.insert(image);
  });
}

function propertiesOf(fields: Static<typeof NewImage>): Record<string, string> {
  const known = new Set(Object.keys(NewImage.properties));
  const free = Object.entries(fields).filter(([name]) => !known.has(name));
  const reserved = free.find(([name]) => !isProperty(name));
  if (reserved) throw new Fault('forbidden', { detail: `Attribute '${reserved[0]}' is read-only.` });
  return Object.fromEntries(
    free.flatMap(([name, value]): [string, string][] => (typeof value === 'string' ? [[name, value]] : [])),
  );
}
