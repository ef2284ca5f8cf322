/** Images with the same bytes: what was prepared for one of them serves all. */
import { link, rm } from 'node:fs/promises';
import { moveIntoPlace } from '#files/write-atomically.ts';
import type { Store } from '#store/store.ts';
import type { Image } from '#store/tables/images.ts';

/** The digest is of bytes that this store has received itself, so it cannot be claimed by someone who does not have them. */
export function contentKeyOf({ id, os_hash_algo, os_hash_value, disk_format, size }: Image): string {
  return os_hash_algo && os_hash_value ? `${os_hash_algo} ${os_hash_value} ${disk_format} ${size}` : id;
}

/** How many are looked at: one that was prepared is enough. */
const mostEqual = 50;

/** Others that are in use, the oldest first. */
export async function equalImages(images: Pick<Store['images'], 'list'>, image: Image): Promise<Image[]> {
  const { id, os_hash_algo, os_hash_value, disk_format, size } = image;
  if (!os_hash_algo || !os_hash_value) return [];
  const where = { os_hash_value, os_hash_algo, disk_format, size, status: 'active' as const };
  const found = await images.list(where, { orderBy: 'created_at', limit: mostEqual });
  return found.filter((other) => other.id !== id);
}

/**
 * Gives a prepared file and its description a second name: they are never written to again.
 * @returns false if they are no longer there
 */
export async function shareFile(source: string, target: string): Promise<boolean> {
  try {
    for (const ending of ['.json', '']) {
      const part = `${target}${ending}.shared.part`;
      await rm(part, { force: true });
      await link(`${source}${ending}`, part);
      await moveIntoPlace(part, `${target}${ending}`);
    }
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
