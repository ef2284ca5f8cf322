/** Checks the reserve of a disk for many small writes: caches the result for a second. */
import { type DiskSpace, diskSpaceLeft } from '#tools/disk-room.ts';

/** Cache lifetime in milliseconds. */
const lastsMs = 1000;

export class DiskSpaceWatch {
  readonly #space: DiskSpace;
  #seen: { at: number; left: Promise<number> } | undefined;

  constructor(space: DiskSpace) {
    this.#space = space;
  }

  async isFull(): Promise<boolean> {
    const now = performance.now();
    if (!this.#seen || now - this.#seen.at >= lastsMs) this.#seen = { at: now, left: diskSpaceLeft(this.#space) };
    return (await this.#seen.left) <= 0;
  }
}
