/** Whether the reserve of a disk is still there, for many small writes: the disk is asked once a second at most. */
import { type DiskSpace, diskSpaceLeft } from '#tools/disk-room.ts';

/** Milliseconds for which what was seen holds. */
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
