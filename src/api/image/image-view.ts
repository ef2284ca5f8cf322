/** An image in Glance's representation: its attributes, and its properties beside them. */
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { containerFormats, diskFormats, imageStatuses, visibilities } from '#services/image/attributes.ts';
import { storeId } from '#services/image/imports/import-request.ts';
import type { Image } from '#store/tables/images.ts';
import type { ApiContext } from '../context.ts';
import { Nullable } from '../http/schemas.ts';
import { viewOf } from '../http/view.ts';

const Text = Type.String();
const attributes = viewOf<Image>()({
  id: { type: Text, value: ({ id }) => id },
  name: { type: Nullable(Text), value: ({ name }) => name },
  status: { type: Type.Enum(imageStatuses), value: ({ status }) => status },
  visibility: { type: Type.Enum(visibilities), value: ({ visibility }) => visibility },
  owner: { type: Text, value: ({ owner }) => owner },
  disk_format: { type: Nullable(Type.Enum(diskFormats)), value: ({ disk_format }) => disk_format },
  container_format: { type: Nullable(Type.Enum(containerFormats)), value: ({ container_format }) => container_format },
  min_disk: { type: Type.Integer(), value: ({ min_disk }) => min_disk },
  min_ram: { type: Type.Integer(), value: ({ min_ram }) => min_ram },
  size: { type: Nullable(Type.Integer()), value: ({ size }) => size },
  virtual_size: { type: Nullable(Type.Integer()), value: ({ virtual_size }) => virtual_size },
  checksum: { type: Nullable(Text), value: ({ checksum }) => checksum },
  os_hash_algo: { type: Nullable(Text), value: ({ os_hash_algo }) => os_hash_algo },
  os_hash_value: { type: Nullable(Text), value: ({ os_hash_value }) => os_hash_value },
  protected: { type: Type.Boolean(), value: (image) => image.protected },
  tags: { type: Type.Array(Text), value: ({ tags }) => tags },
  os_hidden: { type: Type.Boolean(), value: ({ os_hidden = false }) => os_hidden },
  created_at: { type: Text, value: ({ created_at }) => wholeSeconds(created_at) },
  updated_at: { type: Text, value: ({ updated_at }) => wholeSeconds(updated_at) },
  self: { type: Text, value: ({ id }) => `/v2/images/${id}` },
  file: { type: Text, value: ({ id }) => `/v2/images/${id}/file` },
  schema: { type: Text, value: () => '/v2/schemas/image' },
});

/** Glance clients parse times without a fraction. */
export function wholeSeconds(time: string): string {
  return time.replace(/\.\d+Z$/, 'Z');
}

/** All names besides the attributes' are properties: text. */
export const ImageReply = Type.Unsafe<Readonly<Record<string, unknown>>>({ ...attributes.schema, additionalProperties: Text });

/** What Glance writes into the properties of an image while and after its data is imported. */
function importOf({ import_task, import_state }: Image) {
  if (!import_state) return {};
  return {
    ...(import_task && { os_glance_import_task: import_task }),
    os_glance_importing_to_stores: import_state === 'running' ? storeId : '',
    os_glance_failed_import: import_state === 'failed' ? storeId : '',
  };
}

function storesOf({ status }: Image) {
  return status === 'active' || status === 'deactivated' ? { stores: storeId } : {};
}

/** Renders images for one request. */
export function showImage(request: FastifyRequest, context: ApiContext): (image: Image) => Record<string, unknown> {
  const show = attributes.of(request, context);
  const { protections } = context;
  const { caller } = request;
  return (image) => ({
    ...protections.readable(caller, image.properties),
    ...importOf(image),
    ...storesOf(image),
    ...show(image),
  });
}
