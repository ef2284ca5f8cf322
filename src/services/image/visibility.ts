/** Which images a caller may see. Images that it may not see do not exist for it: 404. */
import { Fault } from '#domain/faults.ts';
import { anyOf, type Condition, isEqual, isNot, isOneOf } from '#store/conditions.ts';
import type { Image } from '#store/tables/images.ts';
import type { Caller } from '../caller.ts';
import type { ImageContext } from './context.ts';

/** The images of its project, and those that are public or community images. An image being deleted is gone. */
export function visibleImages(caller: Caller): Condition[] {
  const exists = isNot(isEqual('status', 'deleted'));
  if (caller.is_admin) return [exists];
  return [exists, anyOf(isEqual('owner', caller.project_id), isOneOf('visibility', ['public', 'community']))];
}

/** @throws Fault `notFound` */
export async function findImage({ store }: Pick<ImageContext, 'store'>, caller: Caller, id: string): Promise<Image> {
  const [image] = await store.images.list([...visibleImages(caller), isEqual('id', id)]);
  if (!image) throw new Fault('notFound', { what: 'Image', id });
  return image;
}
