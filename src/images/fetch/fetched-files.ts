/** Which downloaded images are kept: those that a deployment uses, and the last used ones within the bounds of the settings. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Store } from '#store/store.ts';
import type { FetchedImage } from '#store/tables/fetched-images.ts';
import { type DiskSpace, diskSpaceLeft } from '#tools/disk-room.ts';
import type { ImageStore } from '../image-files.ts';

export type KeepingParts = {
  readonly store: Pick<Store, 'fetched_images' | 'operations'>;
  readonly files: Pick<ImageStore, 'remove'>;
  /** The folder of the image store. */
  readonly directory: string;
  /** Since its last use, in milliseconds. */
  readonly keepMs: number;
  /** Of all downloaded images, with what was made of them. */
  readonly mostBytes: number;
  readonly space: DiskSpace;
  readonly log: Pick<Logger, 'info' | 'warn'>;
};

const sweepMs = 3_600_000;
/** A deployment notes an image in its row right after the fetch. */
const graceMs = 60_000;

export class FetchedFiles {
  readonly #parts: KeepingParts;
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: KeepingParts) {
    this.#parts = parts;
  }

  /** Removes what a crash has left; call before the first fetch. */
  async start(): Promise<void> {
    const { store, log } = this.#parts;
    for (const { id, name } of await store.fetched_images.list({ status: 'incomplete' })) {
      await this.remove(id);
      log.info({ image: id, url: name }, 'removed an incomplete download');
    }
    this.#timer = setInterval(() => {
      this.sweep().catch((error: unknown) => log.warn({ err: error }, 'could not remove old downloaded images'));
    }, sweepMs).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** @returns false if it is being removed */
  async use({ id }: FetchedImage): Promise<boolean> {
    const used_at = new Date().toISOString();
    return (await this.#parts.store.fetched_images.update({ id, status: 'active' }, { used_at })) > 0;
  }

  /** The row is removed last: until then, a restart finds the files. */
  async remove(id: string): Promise<void> {
    await this.#parts.files.remove(id);
    await this.#parts.store.fetched_images.remove({ id });
  }

  /** Removes what was last used longest ago until so many bytes fit, as far as nothing uses it. */
  makeRoom(bytes: number): Promise<void> {
    return this.sweep(bytes);
  }

  async sweep(wanted = 0): Promise<void> {
    const { store, keepMs, mostBytes, space, log } = this.#parts;
    const images = await store.fetched_images.list({ status: 'active' }, { orderBy: 'used_at' });
    if (images.length === 0) return;
    const used = await this.#usedIds();
    const sizes = new Map(await Promise.all(images.map(async ({ id }) => [id, await this.#sizeOf(id)] as const)));
    let total = [...sizes.values()].reduce((sum, size) => sum + size, 0);
    for (const { id, name, used_at } of images) {
      const age = Date.now() - Date.parse(used_at);
      if (used.has(id) || age < graceMs) continue;
      const isTight = total + wanted > mostBytes || (await diskSpaceLeft(space)) < wanted;
      if (age < keepMs && !isTight) continue;
      // One that was used since the list was read stays.
      if ((await store.fetched_images.update({ id, used_at }, { status: 'incomplete' })) === 0) continue;
      await this.remove(id);
      total -= sizes.get(id) ?? 0;
      log.info({ image: id, url: name }, 'removed a downloaded image');
    }
  }

  /** By the operations that run. */
  async #usedIds(): Promise<Set<string>> {
    const running = await this.#parts.store.operations.list({ state: ['running', 'rolling_back'] });
    return new Set(running.flatMap(({ context }) => idsIn(context['fetched'])));
  }

  async #sizeOf(id: string): Promise<number> {
    const folder = join(this.#parts.directory, id);
    const names = await readdir(folder).catch(() => []);
    const sizes = names.map((name) =>
      stat(join(folder, name)).then(
        ({ blocks }) => blocks * 512,
        () => 0,
      ),
    );
    return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
  }
}

function idsIn(fetched: unknown): string[] {
  const pins = typeof fetched === 'object' && fetched !== null ? Object.values(fetched) : [];
  return pins.flatMap((pin: unknown) => (typeof pin === 'object' && pin && 'id' in pin ? [String(pin.id)] : []));
}
