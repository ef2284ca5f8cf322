/** The list of images: rows are large (tags, properties), so first their short columns are read, then whole the few that are shown. */
import { setImmediate } from 'node:timers/promises';
import type { Image } from '#domain/records.ts';
import type { Store } from './store.ts';

const shortColumns = [
  ...(['id', 'name', 'status', 'visibility', 'owner', 'disk_format', 'container_format', 'min_disk', 'min_ram'] as const),
  ...(['size', 'virtual_size', 'checksum', 'os_hash_algo', 'os_hash_value', 'protected', 'created_at', 'updated_at'] as const),
] as const satisfies readonly (keyof Image)[];
export type ShortImage = Pick<Image, (typeof shortColumns)[number]>;

/** @param project_id whose images, and those that everybody may see; undefined = all */
export async function listShortImages({ db, images }: Store, project_id: string | undefined): Promise<ShortImage[]> {
  let query = db.selectFrom('images').select(shortColumns).where('status', '!=', 'deleted');
  if (project_id !== undefined) {
    query = query.where((where) =>
      where.or([where('owner', '=', project_id), where('visibility', 'in', ['public', 'community'])]),
    );
  }
  return (await query.execute()).map((row) => images.decode(row));
}

/** How many a project has, without those that are being removed. */
export async function countImages({ db }: Store, owner: string): Promise<number> {
  const query = db.selectFrom('images').select(({ fn }) => fn.countAll<number>().as('count'));
  const { count } = await query.where('owner', '=', owner).where('status', '!=', 'deleted').executeTakeFirstOrThrow();
  return count;
}

/** At most some megabytes, which take some ten milliseconds. */
const imagesAtOnce = 8;

/** In that order, without those that are gone meanwhile; others have their turn in between. */
export async function* readImages({ images }: Store, ids: readonly string[]): AsyncGenerator<Image> {
  for (let start = 0; start < ids.length; start += imagesAtOnce) {
    const some = ids.slice(start, start + imagesAtOnce);
    const found = new Map((await images.list({ id: some })).map((image) => [image.id, image]));
    yield* some.flatMap((id) => found.get(id) ?? []);
    await setImmediate();
  }
}
