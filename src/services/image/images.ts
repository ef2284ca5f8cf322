/** Images: create and change; their tags. The data is in data.ts. */
import { randomUUID } from 'node:crypto';
import { Fault } from '#domain/faults.ts';
import { whereUnique } from '#store/collection.ts';
import type { Image } from '#store/tables/images.ts';
import type { Caller } from '../caller.ts';
import { isProperty, NewImage, refuseReserved } from './attributes.ts';
import type { ImageContext } from './context.ts';
import { refuseTakenId, takenId } from './delete.ts';
import { refuseManyImages, refuseTooLarge } from './limits.ts';

/** @throws Fault `forbidden`, `conflict`, `tooLarge`, `badRequest` */
export async function createImage(context: ImageContext, caller: Caller, fields: NewImage): Promise<Image> {
  const owner = fields.owner ?? caller.project_id;
  const id = fields.id?.toLowerCase() ?? randomUUID();
  if (fields.id !== undefined) await refuseTakenId(context, caller, id);
  const tags = [...new Set(fields.tags ?? [])];
  const properties = propertiesOf(fields);
  for (const name of Object.keys(properties)) context.protections.authorize(caller, 'create', name);
  refuseTooLarge({ tags, properties });
  const now = new Date().toISOString();
  const image = {
    ...{ id, owner, tags, properties, name: fields.name ?? null, status: 'queued', visibility: fields.visibility ?? 'shared' },
    disk_format: fields.disk_format ?? null,
    container_format: fields.container_format ?? null,
    min_disk: fields.min_disk ?? 0,
    min_ram: fields.min_ram ?? 0,
    protected: fields.protected ?? false,
    os_hidden: fields.os_hidden ?? false,
    ...withoutData,
    created_at: now,
    updated_at: now,
  };
  return context.store.transaction(async (trx) => {
    if (!caller.is_admin) await refuseManyImages(trx, owner);
    return whereUnique(trx.images.insert(image), () => takenId(id));
  });
}

const withoutData = { size: null, virtual_size: null, checksum: null, os_hash_algo: null, os_hash_value: null };

function propertiesOf(fields: NewImage): Record<string, string> {
  const known = new Set(Object.keys(NewImage.properties));
  const free = Object.entries(fields).filter(([name]) => !known.has(name));
  const reserved = free.find(([name]) => !isProperty(name));
  if (reserved) throw new Fault('forbidden', { detail: `Attribute '${reserved[0]}' is read-only.` });
  for (const [name] of free) refuseReserved(name);
  return Object.fromEntries(
    free.flatMap(([name, value]): [string, string][] => (typeof value === 'string' ? [[name, value]] : [])),
  );
}

/** Updates a row and its modification time. @returns the updated image */
export async function saveImage({ store }: ImageContext, image: Image, changes: Partial<Image>): Promise<Image> {
  const patch = { ...changes, updated_at: new Date().toISOString() };
  const changed = await store.images.update({ id: image.id }, patch);
  if (changed === 0) throw new Fault('notFound', { what: 'Image', id: image.id });
  return { ...image, ...patch };
}

/** @throws Fault `tooLarge` */
export async function addTag(context: ImageContext, image: Image, tag: string): Promise<void> {
  const tags = [...new Set([...image.tags, tag])];
  refuseTooLarge({ tags }, image);
  await saveImage(context, image, { tags });
}

/** @throws Fault `notFound` */
export async function removeTag(context: ImageContext, image: Image, tag: string): Promise<void> {
  if (!image.tags.includes(tag)) throw new Fault('notFound', { what: 'Tag', id: tag });
  await saveImage(context, image, { tags: image.tags.filter((other) => other !== tag) });
}
