/** Deletes images, with protection against accidents and against reuse of the id by another project. */
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import type { Caller } from '#services/caller.ts';
import { type ImageUse, listImageUses } from '#store/image-uses.ts';
import type { Image } from '#store/tables/images.ts';
import type { ApiContext, ApiScope } from '../context.ts';
import { ById, getOwnImage, type ImageContext } from './image-access.ts';

const DeleteQuery = Type.Object({
  /** An Ingot extension: administrators may delete an image that is only referenced. */
  force: Type.Optional(Type.Boolean()),
});

export function registerImageDelete(app: ApiScope, context: ApiContext): void {
  app.delete('/images/:id', { schema: { params: ById, querystring: DeleteQuery } }, async (request, reply) => {
    const image = await getOwnImage(context, request, request.params.id);
    await deleteImage(context, request, { image, force: request.query.force === true });
    return reply.code(204).send();
  });
}

type Deletion = { image: Image; force: boolean };

async function deleteImage(context: ApiContext, request: FastifyRequest, { image, force }: Deletion): Promise<void> {
  if (image.protected) throw new Fault('forbidden', { detail: `Image ${image.id} is protected and cannot be deleted.` });
  if (force && !request.caller.is_admin)
    throw new Fault('forbidden', { detail: 'Only an administrator may delete an image that is in use (force).' });
  const uses = (await usesOf(context, image.id)).filter((use) => isHeld(image, use));
  const holding = force ? uses.filter(({ isRunning }) => isRunning) : uses;
  if (holding.length > 0) throw inUse(image, holding, request.caller);
  await context.store.images.update({ id: image.id }, { status: 'deleted' });
  await eraseImage(context, image.id);
}

export function usesOf({ store, settings }: ApiContext, id: string): Promise<ImageUse[]> {
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
    ? 'A machine is being installed with it; try again when that has ended.'
    : 'An administrator may delete it nevertheless: DELETE with ?force=true.';
  return new Fault('conflict', { detail: `Image ${id} is in use by ${users}. ${remedy}` });
}

/** Deletes the row last: until then, a restart of Ingot finds the data to be removed. The id stays reserved. */
export async function eraseImage(context: ImageContext, id: string): Promise<void> {
  await context.images.remove(id);
  await context.store.transaction(async (trx) => {
    await rememberDeleted(trx, id);
    await trx.images.remove({ id });
  });
}

function rememberDeleted({ deleted_images }: ImageContext['store'], id: string): Promise<boolean> {
  return deleted_images.insertIfAbsent({ id, deleted_at: new Date().toISOString() });
}

/**
 * A client-chosen id must never have been an image's, as in Glance. Only an administrator may create an image with an
 * id that is already referenced.
 * @throws Fault `conflict`
 */
export async function refuseTakenId(context: ApiContext, request: FastifyRequest, id: string): Promise<void> {
  const { store } = context;
  const isTaken =
    (await store.images.find({ id })) ??
    (await store.deleted_images.find({ id })) ??
    (request.caller.is_admin
      ? undefined
      : (await usesOf(context, id)).find((use) => use.project_id !== request.caller.project_id));
  if (isTaken) throw new Fault('conflict', { detail: `Image ID ${id} already exists!` });
}
