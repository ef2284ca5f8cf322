/**
 * The images of a deployment, pinned by id and digest in the operation's request. Each use checks the image's row
 * against the pin and the rights of the server's project; a changed image is rejected with the reason.
 */
import { whyNoDeployImage } from '#domain/deploy-images.ts';
import { Fault } from '#domain/faults.ts';
import type { ImageUser } from '#domain/image-visibility.ts';
import type { ImageIds, ImageSource } from '#drivers/interfaces.ts';
import { type Members, maySee } from '#store/image-access.ts';
import type { Store } from '#store/store.ts';
import type { FetchedImage } from '#store/tables/fetched-images.ts';
import type { Image } from '#store/tables/images.ts';
import type { BaseContext, BaseRequest, PinnedImages } from './base-context.ts';

type PinnedImage = PinnedImages['image'];

const partRoles = ['kernel', 'ramdisk'] as const;

type Images = Members & { images: Pick<Store['images'], 'find'> };
type AllImages = Images & { fetched_images: Pick<Store['fetched_images'], 'find'> };

/**
 * @throws Fault `badRequest` if the image, or its kernel or ramdisk, is missing, not active, or not usable by the user
 */
export async function pinImages(store: Images, id: string, user: ImageUser): Promise<{ row: Image; pinned: PinnedImages }> {
  const row = await store.images.find({ id });
  if (!row || (await whyUnusable(store, row, user))) throw notFound(`image ${id}`);
  const pinned: PinnedImages = { image: pinOf(row) };
  for (const role of partRoles) {
    const partId = row.properties[`${role}_id`];
    if (!partId) continue;
    const part = await store.images.find({ id: partId });
    if (!part || (await whyUnusablePart(store, part, { image: row, user })))
      throw notFound(`image ${partId}, the ${role}_id of image ${id}`);
    pinned[role] = pinOf(part);
  }
  return { row, pinned };
}

/** A kernel or ramdisk that the user names beside the image. @throws Fault `badRequest` */
export async function pinPart(store: Images, id: string, user: ImageUser): Promise<PinnedImage> {
  const row = await store.images.find({ id });
  if (!row || (await whyUnusable(store, row, user))) throw notFound(`image ${id}`);
  return pinOf(row);
}

function notFound(what: string): Fault {
  return new Fault('badRequest', { detail: `Can not find requested ${what}.` });
}

function pinOf({ id, os_hash_algo, os_hash_value }: Image): PinnedImage {
  return { id, digest: `${os_hash_algo ?? ''}:${os_hash_value ?? ''}` };
}

export function pinOfFetched({ id, sha512 }: FetchedImage): PinnedImage {
  return { id, digest: `sha512:${sha512 ?? ''}`, is_fetched: true };
}

async function whyUnusable(store: Members, image: Image, user: ImageUser): Promise<string | undefined> {
  if (image.status === 'deleted') return 'it was deleted';
  if (image.status !== 'active') return `its status is ${image.status}, not active`;
  if (!(await maySee(store, image, user))) return 'it is no longer visible to the project of the server';
  return undefined;
}

type PartUse = { readonly image: Pick<Image, 'owner'>; readonly user: ImageUser };

/** An image may name kernels of its owner, who thereby shares them. */
function whyUnusablePart(store: Members, part: Image, { image, user }: PartUse): Promise<string | undefined> {
  return whyUnusable(store, part, { ...user, is_admin: user.is_admin || part.owner === image.owner });
}

/** Part of the request of a deploy or rebuild operation. */
export function imagesRequest(pinned: Partial<PinnedImages>, user: ImageUser): Pick<BaseRequest, 'images' | 'by_admin'> {
  return { images: pinned, by_admin: user.is_admin };
}

export function userOf(operation: { request: BaseRequest }, instance: { project_id: string }): ImageUser {
  return { project_id: instance.project_id, is_admin: operation.request.by_admin === true };
}

type Pinning = { project_id: string; image_id?: string | null };

/**
 * The images pinned by the operation, and those that it has downloaded. One begun by another version of Ingot has pinned nothing: its images are checked
 * as if it began now.
 */
export async function pinnedImages(store: Images, operation: WithImages, instance: Pinning): Promise<PinnedImages> {
  const { images, sources } = operation.request;
  if (!images && !sources) return (await pinImages(store, instance.image_id ?? '', userOf(operation, instance))).pinned;
  const { image, ...parts } = { ...images, ...operation.context.fetched };
  if (!image) throw new Fault('imageUnusable', { image: '(none)', detail: 'it was not downloaded.' });
  return { image, ...parts };
}

type WithImages = { request: BaseRequest; context: Pick<BaseContext, 'fetched'> };

export function idsOf({ image, kernel, ramdisk }: PinnedImages): ImageIds {
  return { image: image.id, ...(kernel && { kernel: kernel.id }), ...(ramdisk && { ramdisk: ramdisk.id }) };
}

type Checks = { store: AllImages; pinned: () => Promise<PinnedImages>; user: ImageUser };

/** Image files for the steps of one operation: only those it has pinned, and only while unchanged. */
export function checkedImages(files: ImageSource, checks: Checks): ImageSource {
  const checked =
    <R>(use: (id: string) => Promise<R>) =>
    async (id: string): Promise<R> => {
      await refuseChanged(checks, id);
      return use(id);
    };
  return {
    get: checked((id) => files.get(id)),
    file: checked((id) => files.file(id)),
    raw: checked((id) => files.raw(id)),
    disk: checked((id) => files.disk(id)),
    extents: checked((id) => files.extents(id)),
    kernel: checked((id) => files.kernel(id)),
    recheck: checked((id) => files.recheck(id)),
  };
}

/** @throws Fault `imageUnusable` with what has changed since the operation was begun */
async function refuseChanged({ store, pinned, user }: Checks, id: string): Promise<void> {
  const pins = await pinned();
  const role = (['image', ...partRoles] as const).find((each) => pins[each]?.id === id);
  const why = role
    ? await whyChanged(store, pins, { role, user })
    : 'it is not one of the images with which this operation was started';
  if (why) throw new Fault('imageUnusable', { image: id, detail: `${why}.` });
}

type Use = { role: keyof PinnedImages; user: ImageUser };

async function whyChanged(store: AllImages, pins: PinnedImages, { role, user }: Use): Promise<string | undefined> {
  const since = (why: string | undefined) => why && `${why}, since the operation was started`;
  const pin = pins[role];
  if (pin?.is_fetched) {
    const fetched = await store.fetched_images.find({ id: pin.id, status: 'active' });
    return since(fetched && pinOfFetched(fetched).digest === pin.digest ? undefined : 'its download was removed');
  }
  const [image, row] = await Promise.all([
    store.images.find({ id: pins.image.id }),
    store.images.find({ id: pins[role]?.id ?? '' }),
  ]);
  if (!image || !row) return since('it was deleted');
  if (pinOf(row).digest !== pins[role]?.digest) return since('its data was replaced');
  // Who may not use the image any more may not use its kernel either, which only the image shares.
  const why =
    (await whyUnusable(store, image, user)) ??
    (role === 'image' ? undefined : await whyUnusablePart(store, row, { image, user }));
  return since(why);
}

/** @throws Fault `imageUnusable` for an image that must not run with the token of an operation */
export async function refuseForeignDeployImage(store: Pick<Images, 'images'>, id: string): Promise<void> {
  const why = whyNoDeployImage(await store.images.find({ id }));
  if (why) throw new Fault('imageUnusable', { image: id, detail: `${why}.` });
}
