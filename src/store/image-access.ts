/** Image access: one rule for the image API, for server requests, and for operations that run later. */
import { type ImageUser, isVisibleTo } from '#domain/image-visibility.ts';
import { allOf, anyOf, type Condition, isAmong, isEqual, isOneOf } from './conditions.ts';
import type { Store } from './store.ts';
import type { Image } from './tables/images.ts';

export type Members = { readonly image_members: Pick<Store['image_members'], 'find'> };

/** A project may use an image that is shared with it, whether it has accepted that or not, as in Glance. */
export async function maySee(store: Members, image: Image, user: ImageUser): Promise<boolean> {
  if (isVisibleTo(image, user)) return true;
  if (image.visibility !== 'shared' || user.project_id === '') return false;
  return (await store.image_members.find({ image_id: image.id, member_id: user.project_id })) !== undefined;
}

/** @param status of the memberships that count; absent: any */
export function isSeenBy({ project_id, is_admin }: ImageUser, status?: string): Condition {
  if (is_admin) return allOf();
  const mine = [isEqual('member_id', project_id), ...(status === undefined ? [] : [isEqual('status', status)])];
  const isMember = isAmong('id', { table: 'image_members', select: 'image_id', where: mine });
  return anyOf(
    isEqual('owner', project_id),
    isOneOf('visibility', ['public', 'community']),
    allOf(isEqual('visibility', 'shared'), isMember),
  );
}
