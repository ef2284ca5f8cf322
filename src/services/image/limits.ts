/** Limits on image metadata: Glance's default quotas, and the total size of a row. */
import { Fault } from '#domain/faults.ts';
import type { Store } from '#store/store.ts';
import type { Image } from '#store/tables/images.ts';

/** Glance's `image_property_quota` and `image_tag_quota`. */
const mostProperties = 128;
const mostTags = 128;
/** The length of Glance's columns. */
const longestName = 255;
const longestValue = 65_535;
/** Total size of all properties: lists read whole rows. */
const mostPropertyBytes = 256 * 1024;

/** Per project, in any status. */
const mostImages = 1000;

/** As Glance when its quota `image_count_total` is reached (413), with the message of oslo.limit. */
export async function refuseManyImages(trx: Store, owner: string): Promise<void> {
  const count = await trx.images.countOf(owner);
  if (count < mostImages) return;
  const detail = `Project ${owner} is over a limit for [Resource image_count_total is over limit of ${mostImages} due to current usage ${count} and delta 1].`;
  throw new Fault('tooLarge', { detail });
}

/** Per project: images that are staged or being imported take space of which nothing was checked yet. */
const mostUploads = 20;

/** As Glance when its quota `image_count_uploading` is reached (413). @param more images than the rows say */
export async function refuseManyUploads(trx: Store, owner: string, more = 1): Promise<void> {
  const count = await trx.images.countUploading(owner);
  if (count + more <= mostUploads) return;
  const detail = `Project ${owner} is over a limit for [Resource image_count_uploading is over limit of ${mostUploads} due to current usage ${count} and delta ${more}].`;
  throw new Fault('tooLarge', { detail });
}

/** Glance's quotas that Ingot has. */
export async function usageOf({ images }: Pick<Store, 'images'>, project_id: string) {
  const [total, uploading] = [await images.countOf(project_id), await images.countUploading(project_id)];
  return {
    image_count_total: { usage: total, limit: mostImages },
    image_count_uploading: { usage: uploading, limit: mostUploads },
  };
}

type Bounded = Partial<Pick<Image, 'properties' | 'tags'>>;

/**
 * Metadata of an older Ingot above the limits may still shrink.
 * @throws Fault `tooLarge` for too many, `badRequest` for a name or value that is too long
 */
export function refuseTooLarge({ properties, tags }: Bounded, before: Bounded = {}): void {
  if (properties) refuseProperties(properties, before.properties ?? {});
  if (tags) refuseMore('tags on an image', tags.length, { maximum: mostTags, before: before.tags?.length });
}

function refuseProperties(properties: Image['properties'], before: Image['properties']): void {
  for (const [name, value] of Object.entries(properties)) {
    if (before[name] === value) continue;
    if (name.length > longestName)
      throw new Fault('badRequest', { detail: `Property name '${shorten(name)}' is longer than ${longestName} characters.` });
    if (value.length > longestValue)
      throw new Fault('badRequest', { detail: `The value of property ${name} is longer than ${longestValue} characters.` });
  }
  const count = (all: Image['properties']) => Object.keys(all).length;
  refuseMore('image properties', count(properties), { maximum: mostProperties, before: count(before) });
  refuseMore('bytes of image properties', propertyBytes({ properties }), {
    maximum: mostPropertyBytes,
    before: propertyBytes({ properties: before }),
  });
}

function refuseMore(what: string, attempted: number, limit: { maximum: number; before: number | undefined }): void {
  if (attempted <= limit.maximum || attempted < (limit.before ?? 0)) return;
  const detail = `The limit has been exceeded on the number of allowed ${what}. Attempted: ${attempted}, Maximum: ${limit.maximum}.`;
  throw new Fault('tooLarge', { detail });
}

export function propertyBytes({ properties }: Pick<Image, 'properties'>): number {
  return Object.entries(properties).reduce((sum, [name, value]) => sum + Buffer.byteLength(name) + Buffer.byteLength(value), 0);
}

/** Shortens a client-chosen name for a message. */
export function shorten(text: string): string {
  return text.length > longestName ? `${text.slice(0, longestName)}…` : text;
}
