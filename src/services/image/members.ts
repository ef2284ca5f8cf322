/** The projects that an image is shared with: Glance's rules and messages (glance/api/v2/image_members.py). */
import { randomUUID } from 'node:crypto';
import { Fault } from '#domain/faults.ts';
import { whereUnique } from '#store/collection.ts';
import type { ImageMember } from '#store/tables/image-members.ts';
import type { Image } from '#store/tables/images.ts';
import type { Caller } from '../caller.ts';
import type { ImageContext } from './context.ts';

type Context = Pick<ImageContext, 'store'>;

/** Glance's `image_member_quota`. */
const mostMembers = 128;

export const memberStatuses = ['pending', 'accepted', 'rejected'] as const;

/** The owner sees all members, a member only itself. The oldest first. */
export async function listMembers({ store }: Context, caller: Caller, image: Image): Promise<ImageMember[]> {
  const isOwner = caller.is_admin || image.owner === caller.project_id;
  const members = await store.image_members.list({
    image_id: image.id,
    ...(!isOwner && { member_id: caller.project_id }),
  });
  const order = ({ created_at, member_id }: ImageMember) => `${created_at} ${member_id}`;
  return members.sort((one, other) => (order(one) < order(other) ? -1 : 1));
}

/** @throws Fault `notFound`, also for a member that the caller may not see */
export async function findMember(context: Context, caller: Caller, at: { image: Image; member: string }): Promise<ImageMember> {
  const members = await listMembers(context, caller, at.image);
  const found = members.find(({ member_id }) => member_id === at.member);
  if (!found) throw new Fault('notFound', { what: `In the member list of image ${at.image.id}, project`, id: at.member });
  return found;
}

/** @throws Fault `conflict`, `tooLarge` */
export function addMember({ store }: Context, { id: image_id }: Image, member_id: string): Promise<ImageMember> {
  const now = new Date().toISOString();
  const member = { id: randomUUID(), image_id, member_id, status: 'pending', created_at: now, updated_at: now };
  return store.transaction(async (trx) => {
    // The image's row is locked: its members are counted by one request at a time, and a deletion comes before or after.
    const isThere = await trx.images.update({ id: image_id, visibility: 'shared' }, { id: image_id });
    if (isThere === 0) throw new Fault('notFound', { what: 'Image', id: image_id });
    if (await trx.image_members.find({ image_id, member_id })) throw duplicate(image_id, member_id);
    const attempted = (await trx.image_members.countOf(image_id)) + 1;
    if (attempted > mostMembers) throw tooMany(image_id, attempted);
    return whereUnique(trx.image_members.insert(member), () => duplicate(image_id, member_id));
  });
}

function duplicate(image_id: string, member_id: string): Fault {
  return new Fault('conflict', { detail: `Member ${member_id} is duplicated for image ${image_id}` });
}

function tooMany(image_id: string, attempted: number): Fault {
  const limit = `The limit has been exceeded on the number of allowed image members for this image. Attempted: ${attempted}, Maximum: ${mostMembers}`;
  return new Fault('tooLarge', { detail: `Image member limit exceeded for image ${image_id}: ${limit}:` });
}

/** @throws Fault `notFound` if it was removed meanwhile */
export async function answerMember({ store }: Context, member: ImageMember, status: ImageMember['status']): Promise<ImageMember> {
  const change = { status, updated_at: new Date().toISOString() };
  if ((await store.image_members.update({ id: member.id }, change)) === 0) throw gone(member);
  return { ...member, ...change };
}

/** @throws Fault `notFound` if it was removed meanwhile */
export async function removeMember({ store }: Context, member: ImageMember): Promise<void> {
  if ((await store.image_members.remove({ id: member.id })) === 0) throw gone(member);
}

function gone({ member_id, image_id }: ImageMember): Fault {
  return new Fault('notFound', { what: `In the member list of image ${image_id}, project`, id: member_id });
}
