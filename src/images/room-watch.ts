/** Whether the reserve of a disk is still there, for many small writes: the disk is asked once a second at most. */
import { type DiskRoom, roomLeft } from '#tools/disk-room.ts';

/** Milliseconds for which what was seen holds. */
const lastsMs = 1000;

export class RoomWatch {
  readonly #room: DiskRoom;
  #seen: { at: number; left: Promise<number> } | undefined;

  constructor(room: DiskRoom) {
    this.#room = room;
  }

  async isFull(): Promise<boolean> {
    const now = performance.now();
    if (!this.#seen || now - this.#seen.at >= lastsMs) this.#seen = { at: now, left: roomLeft(this.#room) };
    return (await this.#seen.left) <= 0;
  }
}
