/** The image of a server. */
import { Fault } from '#domain/faults.ts';
import { maySee } from '#store/image-access.ts';
import type { Flavor } from '#store/tables/flavors.ts';
import type { Image } from '#store/tables/images.ts';
import type { Caller } from '../caller.ts';
import type { ComputeContext } from './context.ts';

type Servers = Pick<ComputeContext, 'store'>;

/** Throws `badRequest` for an image that cannot be used or does not exist for the caller. */
export async function imageOf(context: Servers, caller: Caller, reference: string): Promise<Image> {
  if (reference === '') throw new Fault('unsupported', { what: 'A server without an image' });
  const id = lastSegment(reference);
  const image = await context.store.images.find({ id });
  if (!image || image.status === 'deleted' || !(await maySee(context.store, image, caller)))
    throw new Fault('badRequest', { detail: `Can not find requested image ${id}.` });
  if (image.status !== 'active')
    throw new Fault('badRequest', { detail: `Image ${id} is unacceptable: its status is ${image.status}, not active.` });
  await refuseForeignParts(context, caller, image);
  return image;
}

/** An image may name kernels of its owner and those visible to the caller, but no other project's private ones. */
async function refuseForeignParts({ store }: Servers, caller: Caller, image: Image): Promise<void> {
  for (const name of ['kernel_id', 'ramdisk_id']) {
    const id = image.properties[name];
    const part = id ? await store.images.find({ id }) : undefined;
    if (part && part.owner !== image.owner && !(await maySee(store, part, caller)))
      throw new Fault('badRequest', { detail: `Can not find requested image ${id}, the ${name} of image ${image.id}.` });
  }
}

/** A flavor without a disk size leaves it to the machine. */
export function refuseTooSmall(flavor: Flavor, image: Image): void {
  if (flavor.ram < image.min_ram)
    throw new Fault('badRequest', { detail: `Flavor's memory is too small for requested image: it needs ${image.min_ram} MB.` });
  if (flavor.disk !== 0 && flavor.disk < image.min_disk)
    throw new Fault('badRequest', { detail: `Flavor's disk is too small for requested image: it needs ${image.min_disk} GB.` });
}

/** Of an id or a URL. */
export function lastSegment(reference: string): string {
  return reference.slice(reference.lastIndexOf('/') + 1);
}
