/** Long work on the single thread: yields the event loop after it has held it for some milliseconds. */
import { setImmediate } from 'node:timers/promises';

const sliceMs = 5;

export class TimeSlice {
  #began = performance.now();

  get isOver(): boolean {
    return performance.now() - this.#began >= sliceMs;
  }

  /** Call between any two small parts of the work. */
  async pause(): Promise<void> {
    if (!this.isOver) return;
    await setImmediate();
    this.#began = performance.now();
  }
}
