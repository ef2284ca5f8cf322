/** What a request to import image data asks for: Glance's rules and messages (glance/api/v2/images.py, import_image). */
import { type Static, Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import type { Image } from '#store/tables/images.ts';
import { shorten } from '../limits.ts';

/** The name of the image store: there is one. */
export const storeId = 'local';

const longestUrl = 4096;

export const ImportBody = Type.Object({
  method: Type.Optional(
    Type.Object({ name: Type.Optional(Type.String()), uri: Type.Optional(Type.String({ maxLength: longestUrl })) }),
  ),
  stores: Type.Optional(Type.Array(Type.String({ maxLength: 255 }), { maxItems: 16 })),
  all_stores: Type.Optional(Type.Unknown()),
  all_stores_must_succeed: Type.Optional(Type.Unknown()),
});
export type ImportBody = Static<typeof ImportBody>;

const methods = ['glance-direct', 'web-download', 'copy-image'] as const;
export type ImportMethod = (typeof methods)[number];

/** @param enabled by the settings. @throws Fault `badRequest` */
export function methodOf({ method, all_stores, all_stores_must_succeed }: ImportBody, enabled: readonly string[]): ImportMethod {
  if (method === undefined) throw refuse("Import request requires a 'method' field.");
  const { name } = method;
  if (name === undefined) throw refuse("Import request requires a 'name' field.");
  const known = methods.find((each) => each === name && enabled.includes(each));
  if (!known) throw refuse(`Unknown import method name '${shorten(name)}'.`);
  for (const [field, value] of Object.entries({ all_stores_must_succeed, all_stores }))
    if (value !== undefined && typeof value !== 'boolean') throw refuse(`'${field}' must be boolean value only`);
  return known;
}

/**
 * @param header `x-image-meta-store`
 * @throws Fault `badRequest`, `conflict`
 */
export function refuseOtherStores({ stores, all_stores }: ImportBody, header: string | undefined): void {
  if (all_stores === true && (stores || header !== undefined))
    throw refuse("All_stores parameter can't be used with x-image-meta-store header or stores parameter");
  if (stores && header !== undefined) throw refuse("Stores parameter and x-image-meta-store header can't be both specified");
  const other = (stores ?? [header ?? storeId]).find((name) => name !== storeId);
  if (other !== undefined) throw new Fault('conflict', { detail: `Unknown scheme '${shorten(other)}' found in URI` });
}

/** @throws Fault `conflict` */
export function refuseStatus(image: Image, method: ImportMethod): void {
  const { status } = image;
  const why =
    (status === 'active' && method !== 'copy-image' && 'Image with status active cannot be target for import') ||
    (status !== 'active' && method === 'copy-image' && 'Only images with status active can be targeted for copying') ||
    (image.import_task && 'Image has active task') ||
    (status !== 'queued' && method === 'web-download' && "Image needs to be in 'queued' state to use 'web-download' method") ||
    // While it is being staged, its size is not known.
    ((status !== 'uploading' || image.size === null) &&
      method === 'glance-direct' &&
      "Image needs to be staged before 'glance-direct' method can be used") ||
    (image.container_format === null && "'container_format' needs to be set before import") ||
    (image.disk_format === null && "'disk_format' needs to be set before import");
  if (why) throw new Fault('conflict', { detail: why });
}

/** All copies are there already. @throws Fault `badRequest` unless any store would do */
export function refuseCopy({ all_stores }: ImportBody): void {
  if (all_stores !== true) throw refuse(`Image is already present at store '${storeId}'`);
}

function refuse(detail: string): Fault {
  return new Fault('badRequest', { detail });
}
