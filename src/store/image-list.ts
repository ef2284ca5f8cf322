/**
 * The list of images. Rows are large (tags, properties), so the short columns are read first, then only the displayed
 * rows in full.
 */
import { setImmediate } from 'node:timers/promises';
import type { Store } from './store.ts';
import type { Image } from './tables/images.ts';

const shortColumns = [
  ...(['id', 'name', 'status', 'visibility', 'owner', 'disk_format', 'container_format', 'min_disk', 'min_ram'] as const),
  ...(['size', 'virtual_size', 'checksum', 'os_hash_algo', 'os_hash_value', 'protected', 'created_at', 'updated_at'] as const),
] as const satisfies readonly (keyof Image)[];
export type ShortImage = Pick<Image, (typeof shortColumns)[number]>;

/** @param project_id returns its images and the public ones; undefined: all */
export async function listShortImages({ db, images }: Store, project_id: string | undefined): Promise<ShortImage[]> {
  let query = db.selectFrom('images').select(shortColumns).where('status', '!=', 'deleted');
  if (project_id !== undefined) {
    query = query.where((where) =>
      where.or([where('owner', '=', project_id), where('visibility', 'in', ['public', 'community'])]),
    );
  }
  return (await query.execute()).map((row) => images.decode(row));
}

/** Number of a project's images, without those being deleted. */
export async function countImages({ db }: Store, owner: string): Promise<number> {
  const query = db.selectFrom('images').select(({ fn }) => fn.countAll<number>().as('count'));
  const { count } = await query.where('owner', '=', owner).where('status', '!=', 'deleted').executeTakeFirstOrThrow();
  return count;
}

/** A few megabytes at most, read in about ten milliseconds. */
const imagesAtOnce = 8;

/** In the given order, without those deleted meanwhile; yields to other requests between batches. */
export async function* readImages({ images }: Store, ids: readonly string[]): AsyncGenerator<Image> {
  for (let start = 0; start < ids.length; start += imagesAtOnce) {
    const some = ids.slice(start, start + imagesAtOnce);
    const found = new Map((await images.list({ id: some })).map((image) => [image.id, image]));
    yield* some.flatMap((id) => found.get(id) ?? []);
    await setImmediate();
  }
}
