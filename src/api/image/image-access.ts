/** Read and write access to an image. */
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { isVisibleTo } from '#domain/image-visibility.ts';
import type { Caller } from '#services/caller.ts';
import type { Image } from '#store/tables/images.ts';
import type { ApiContext } from '../context.ts';

export type ImageContext = Pick<ApiContext, 'store' | 'images'>;

export const ById = Type.Object({ id: Type.String() });

export function maySee(caller: Caller, image: Pick<Image, 'owner' | 'visibility'>): boolean {
  return isVisibleTo(image, caller);
}

/** @throws Fault `notFound` also for an image that the caller may not see */
export async function getImage(context: ApiContext, request: FastifyRequest, id: string): Promise<Image> {
  const image = await context.store.images.find({ id });
  if (!image || image.status === 'deleted' || !maySee(request.caller, image)) throw new Fault('notFound', { what: 'Image', id });
  return image;
}

export async function getOwnImage(context: ApiContext, request: FastifyRequest, id: string): Promise<Image> {
  const image = await getImage(context, request, id);
  if (!request.caller.is_admin && image.owner !== request.caller.project_id)
    throw new Fault('forbidden', { detail: `Image ${id} belongs to another project.` });
  return image;
}

export function checkVisibility(caller: Caller, visibility: string | undefined): void {
  if (visibility === 'public' && !caller.is_admin)
    throw new Fault('forbidden', { detail: 'Only an administrator may make an image public.' });
}
