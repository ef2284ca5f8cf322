/** Which images a caller may see. Images that it may not see do not exist for it: 404. */
import { Fault } from '#domain/faults.ts';
import { type Condition, isEqual, isNot } from '#store/conditions.ts';
import { isSeenBy } from '#store/image-access.ts';
import type { Image } from '#store/tables/images.ts';
import type { Caller } from '../caller.ts';
import type { ImageContext } from './context.ts';

/** Its project's images, those that are public or community images, and those shared with it. One being deleted is gone. */
export function visibleImages(caller: Caller): Condition[] {
  return [isNot(isEqual('status', 'deleted')), isSeenBy(caller)];
}

/** @throws Fault `notFound` */
export async function findImage({ store }: Pick<ImageContext, 'store'>, caller: Caller, id: string): Promise<Image> {
  const [image] = await store.images.list([...visibleImages(caller), isEqual('id', id)]);
  if (!image) throw new Fault('notFound', { what: 'Image', id });
  return image;
}
