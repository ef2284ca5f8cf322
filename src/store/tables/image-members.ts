/** The projects that images are shared with, as in Glance. */
import { Collection } from '../collection.ts';

export type ImageMember = {
  id: string;
  /** It is deleted with the image. */
  image_id: string;
  /** A project; Glance does not check that there is one. */
  member_id: string;
  /** What the project answered: it restricts only whether lists show the image. */
  status: 'pending' | 'accepted' | 'rejected';
  created_at: string;
  updated_at: string;
};

export class ImageMembers extends Collection<ImageMember, { image_members: ImageMember }> {
  static override readonly table = { name: 'image_members' };

  async countOf(image_id: string): Promise<number> {
    const query = this.db.selectFrom('image_members').select(({ fn }) => fn.countAll<number>().as('count'));
    return Number((await query.where('image_id', '=', image_id).executeTakeFirstOrThrow()).count);
  }
}
