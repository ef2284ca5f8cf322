/** Deletes images, with protection against accidents and against reuse of the id by another project. */
import { Fault } from '#domain/faults.ts';
import { type ImageUse, listImageUses } from '#store/image-uses.ts';
import type { Image } from '#store/tables/images.ts';
import type { Caller } from '../caller.ts';
import type { ImageContext } from './context.ts';

/** @param force also an image that is only referenced. @throws Fault `forbidden`, `conflict` */
export async function deleteImage(
  context: ImageContext,
  caller: Caller,
  { image, force }: { image: Image; force: boolean },
): Promise<void> {
  if (image.protected) throw new Fault('forbidden', { detail: `Image ${image.id} is protected and cannot be deleted.` });
  const uses = (await usesOf(context, image.id)).filter((use) => isHeld(image, use));
  const holding = force ? uses.filter(({ isRunning }) => isRunning) : uses;
  if (holding.length > 0) throw inUse(image, holding, caller);
  await context.store.images.update({ id: image.id }, { status: 'deleted' });
  await context.imports.stop(image.id);
  await eraseImage(context, image.id);
}

function usesOf({ store, settings }: Pick<ImageContext, 'store' | 'settings'>, id: string): Promise<ImageUse[]> {
  const { 'deploy.kernel': kernel, 'deploy.ramdisk': ramdisk } = settings;
  return listImageUses(store, id, { 'deploy.kernel': kernel, 'deploy.ramdisk': ramdisk });
}

/** A use by another project does not prevent the owner from deleting an image, except during an installation. */
function isHeld(image: Image, { project_id, isRunning }: ImageUse): boolean {
  return project_id === null || project_id === image.owner || isRunning === true || image.visibility === 'public';
}

const mostNamed = 5;

function inUse({ id }: Image, uses: readonly ImageUse[], caller: Caller): Fault {
  const isShown = ({ project_id }: ImageUse) => caller.is_admin || project_id === caller.project_id;
  const shown = [...new Set(uses.filter(isShown).map(({ kind, name }) => `${kind} ${name}`))];
  const more = shown.length > mostNamed ? [`${shown.length - mostNamed} more`] : [];
  const hidden = uses.every(isShown) ? [] : ['what others have'];
  const users = [...shown.slice(0, mostNamed), ...more, ...hidden].join(', ');
  const remedy = uses.some(({ isRunning }) => isRunning)
    ? 'A machine is being deployed with it; retry after that has completed.'
    : 'An administrator can delete it anyway: DELETE with ?force=true.';
  return new Fault('conflict', { detail: `Image ${id} is in use by ${users}. ${remedy}` });
}

/** Deletes the row last: until then, a restart of Ingot finds the data to be removed. The id stays reserved. */
export async function eraseImage({ store, images }: Pick<ImageContext, 'store' | 'images'>, id: string): Promise<void> {
  await images.remove(id);
  await store.transaction(async (trx) => {
    await trx.deleted_images.insertIfAbsent({ id, deleted_at: new Date().toISOString() });
    await trx.images.remove({ id });
  });
}

/**
 * A client-chosen id must never have been an image's, as in Glance. Only an administrator may create an image with an
 * id that is already referenced.
 * @throws Fault `conflict`
 */
export async function refuseTakenId(context: ImageContext, caller: Caller, id: string): Promise<void> {
  const { store } = context;
  const isTaken =
    (await store.images.find({ id })) ??
    (await store.deleted_images.find({ id })) ??
    // Its folder in the image store has that name.
    (await store.fetched_images.find({ id })) ??
    (caller.is_admin ? undefined : (await usesOf(context, id)).find((use) => use.project_id !== caller.project_id));
  if (isTaken) throw takenId(id);
}

export function takenId(id: string): Fault {
  return new Fault('conflict', { detail: `Image ID ${id} already exists!` });
}
