/** Images, as in Glance. */

import { setImmediate } from 'node:timers/promises';
import type { ImageVisibility } from '#domain/image-visibility.ts';
import { Collection } from '../collection.ts';

export type Image = {
  id: string;
  name: string | null;
  status: 'queued' | 'saving' | 'active' | 'killed' | 'deleted' | 'deactivated' | 'uploading' | 'importing';
  visibility: ImageVisibility;
  owner: string;
  disk_format: string | null;
  container_format: string | null;
  min_disk: number;
  min_ram: number;
  size: number | null;
  virtual_size: number | null;
  /** MD5 of the uploaded bytes (hex), as in Glance. */
  checksum: string | null;
  os_hash_algo: string | null;
  os_hash_value: string | null;
  protected: boolean;
  /** Lists leave it out unless they are asked for it; absent: no. */
  os_hidden?: boolean;
  tags: string[];
  /** Free properties: `kernel_id`, `ramdisk_id`, `os_type`… */
  properties: Record<string, string>;
  /** The import that runs; absent, or null: none. */
  import_task?: string | null;
  /** Of the last import; absent, or null: there was none. */
  import_state?: 'running' | 'done' | 'failed' | null;
  /** The data was uploaded by an administrator; absent: no. */
  uploaded_by_admin?: boolean;
  created_at: string;
  updated_at: string;
};

const shortColumns = [
  ...(['id', 'name', 'status', 'visibility', 'owner', 'disk_format', 'container_format', 'min_disk', 'min_ram'] as const),
  ...(['size', 'virtual_size', 'checksum', 'os_hash_algo', 'os_hash_value', 'protected', 'created_at', 'updated_at'] as const),
] as const satisfies readonly (keyof Image)[];
export type ShortImage = Pick<Image, (typeof shortColumns)[number]>;

/** A few megabytes at most, read in about ten milliseconds. */
const imagesAtOnce = 8;

/** Rows are large (tags, properties): lists read the short columns first, then only the displayed rows in full. */
export class Images extends Collection<Image, { images: Image }> {
  static override readonly table = {
    name: 'images',
    json: ['tags', 'properties'],
    boolean: ['protected', 'os_hidden', 'uploaded_by_admin'],
  };

  /** @param project_id returns its images and the public ones; undefined: all */
  async listShort(project_id?: string): Promise<ShortImage[]> {
    let query = this.db.selectFrom('images').select(shortColumns).where('status', '!=', 'deleted');
    if (project_id !== undefined) {
      query = query.where((where) =>
        where.or([where('owner', '=', project_id), where('visibility', 'in', ['public', 'community'])]),
      );
    }
    return (await query.execute()).map((row) => this.decode(row));
  }

  /** In the given order, without those deleted meanwhile; yields to other requests between batches. */
  async *read(ids: readonly string[]): AsyncGenerator<Image> {
    for (let start = 0; start < ids.length; start += imagesAtOnce) {
      const some = ids.slice(start, start + imagesAtOnce);
      const found = new Map((await this.list({ id: some })).map((image) => [image.id, image]));
      yield* some.flatMap((id) => found.get(id) ?? []);
      await setImmediate();
    }
  }

  /** Number of a project's images, without those being deleted. */
  async countOf(owner: string): Promise<number> {
    const query = this.db.selectFrom('images').select(({ fn }) => fn.countAll<number>().as('count'));
    const { count } = await query.where('owner', '=', owner).where('status', '!=', 'deleted').executeTakeFirstOrThrow();
    return count;
  }

  /** Number of a project's images whose data is staged, or being imported. */
  async countUploading(owner: string): Promise<number> {
    const query = this.db.selectFrom('images').select(({ fn }) => fn.countAll<number>().as('count'));
    const uploading = query.where('owner', '=', owner).where('status', 'in', ['uploading', 'importing']);
    return Number((await uploading.executeTakeFirstOrThrow()).count);
  }
}
