/** Ids of deleted images, which must not be reused. */
import { Collection } from '../collection.ts';

/** Its id must not be reused. */
export type DeletedImage = { id: string; deleted_at: string };

export class DeletedImages extends Collection<DeletedImage> {
  static override readonly table = { name: 'deleted_images' };
}
